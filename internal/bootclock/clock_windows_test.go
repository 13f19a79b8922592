package bootclock

import "testing"

// Each process of a run of the kernel calls it by the same name, which is nobody else's.
func TestBootID(t *testing.T) {
	id, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := bootID(); err != nil || again != id || len(id) < 20 {
		t.Errorf("%q, then %q, error %v", id, again, err)
	}
	if name, since := System().Boot(); name != id || since <= 0 {
		t.Errorf("the clock says %q, %v", name, since)
	}
}
