package agent

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
	"poolcert/store"
)

// testKeyFile is where the key of the last-known-good set is.
const testKeyFile = lastGoodDPAPIFile

// othersMayEnter is of the error for a state directory that a test made just so.
const othersMayEnter = "its access list lets others in"

// wantPrivate fails if the access list of a folder lets others in, as it is read back. Its
// files inherit that: what Wine makes of them by itself is no matter. Wine keeps of a list
// what fits the modes of Unix, and holds nobody off: there, this shows that a list was set,
// and not that other accounts are refused.
func wantPrivate(t *testing.T, path string, _ os.FileMode) {
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

// wantMode has nothing to check: there are no modes.
func wantMode(*testing.T, string, os.FileMode) {}

func hasMode(os.FileInfo, os.FileMode) bool { return true }

// letOthersWrite opens a folder to everybody. Wine keeps the rights of Everyone, as a mode:
// there, too, tests of what is refused show what we say to such a list.
func letOthersWrite(t *testing.T, path string) {
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

// testSocket is the pipe of an agent whose folder is dir.
func testSocket(dir string) string { return `\\.\pipe\poolcert-test-` + filepath.Base(dir) }

// testGroup is a group that there is everywhere.
func testGroup() string { return string(sddl.Users) }

// mendTime is not the promise, which is 2 s: under Wine, a look at the files takes up to
// half a second, and the rest after it is ten times as long (checkShare). A change during
// the rest is mended after it.
const mendTime = 20 * time.Second

// testOwner lets nobody else read.
func testOwner() store.Owner { return store.Owner{} }

// generationOf returns the folder that current leads to.
func generationOf(certificatesDir string) (string, error) {
	current := filepath.Join(certificatesDir, "current")
	if name, err := os.ReadFile(filepath.Join(current, ".generation")); err == nil { // no junctions here
		return filepath.Join(certificatesDir, "generations", string(name)), nil
	}
	return os.Readlink(current)
}
