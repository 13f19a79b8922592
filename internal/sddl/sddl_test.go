package sddl

import "testing"

func TestProtected(t *testing.T) {
	got := Protected(
		Entry{Rights: FileAll, To: System, Inherit: true},
		Entry{Rights: FileRead, To: Users},
	)
	if want := "D:P(A;OICI;FA;;;S-1-5-18)(A;;FR;;;S-1-5-32-545)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := Protected(); got != "D:P" {
		t.Errorf("for nobody: %s", got)
	}
}

func TestIsSID(t *testing.T) {
	for text, want := range map[string]bool{
		"S-1-5-18": true, "S-1-5-21-1004336348-1177238915-682003330-512": true, "S-1-1-0": true,
		"": false, "Users": false, "S-1-5-18)(A;;GA;;;WD": false, "S-1-5-": false, "s-1-5-18": false, "S-1-5-18\n": false,
	} {
		if got := IsSID(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
