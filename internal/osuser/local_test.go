package osuser

import "testing"

func TestQualified(t *testing.T) {
	for name, want := range map[string]string{
		`.\poolcert-task`: `NODE1\poolcert-task`, `RENDER\alice`: `RENDER\alice`, "poolcert-task": "poolcert-task", "alice@example.org": "alice@example.org",
	} {
		if got := qualified(name, "NODE1"); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
