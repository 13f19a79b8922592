package agenttest

import (
	"os"
	"testing"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

// WantPrivate fails if the access list of a folder lets others in, as it is read back. Its
// files inherit that: what Wine makes of them by itself is no matter. Wine keeps of a list
// what fits the modes of Unix, and holds nobody off: there, this shows that a list was set,
// and not that other accounts are refused.
func WantPrivate(t *testing.T, path string, _ os.FileMode) {
	t.Helper()
	own, err := winfile.Own()
	if err != nil {
		t.Fatal(err)
	}
	d, err := winfile.OfPath(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		if err := d.CheckSecret(own); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// WantMode has nothing to check: there are no modes.
func WantMode(*testing.T, string, os.FileMode) {}

// LetOthersWrite opens a folder to everybody. Wine keeps the rights of Everyone, as a mode:
// there, too, tests of what is refused show what we say to such a list.
func LetOthersWrite(t *testing.T, path string) {
	t.Helper()
	sd, err := windows.SecurityDescriptorFromString(winfile.Shared(sddl.System) + "(A;OICI;FA;;;" + string(sddl.Everyone) + ")")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := sd.DACL()
	if err == nil {
		err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION, nil, nil, list, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}
