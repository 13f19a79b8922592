package logfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

// Who made the folder first, or can add to it, has files there for the agent to move.
func TestOpenFolderIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "poolcert", "log")
	f, err := Open(filepath.Join(path, "agent.log"), Options{Size: 10, Keep: 1})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, folder := range []string{path, filepath.Dir(path)} {
		own, err := winfile.Own()
		if err != nil {
			t.Fatal(err)
		}
		setList(t, folder, winfile.Private(own)+"(A;OICI;FA;;;"+string(sddl.Everyone)+")")
		planted := filepath.Join(path, "agent.log.1")
		if err := os.WriteFile(planted, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(filepath.Join(path, "agent.log"), Options{Size: 1, Keep: 2}); !errors.Is(err, winfile.ErrOpen) {
			t.Errorf("below the open folder %s: %v, want ErrOpen", folder, err)
		}
		if data, err := os.ReadFile(planted); err != nil || string(data) != "x" {
			t.Errorf("the planted file: %q, %v", data, err)
		}
		setList(t, folder, winfile.Private(own))
	}
}

// To add a file is enough, and so is to change the one that is there.
func TestAddingIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log", "agent.log")
	open := func() error {
		f, err := Open(path, Options{Size: 10, Keep: 1})
		if err == nil {
			f.Close()
		}
		return err
	}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	ofPath = func(path string) (winfile.Descriptor, error) {
		d, err := winfile.OfPath(path)
		d.Entries = append(d.Entries, winfile.Entry{Mask: windows.FILE_WRITE_DATA, To: sddl.Users})
		return d, err
	}
	err := open()
	ofPath = winfile.OfPath
	if !errors.Is(err, winfile.ErrOpen) {
		t.Errorf("a folder that users may add files to: %v", err)
	}
	setList(t, path, winfile.PrivateFile(sddl.System)+"(A;;FA;;;"+string(sddl.Everyone)+")")
	if err := open(); !errors.Is(err, winfile.ErrOpen) {
		t.Errorf("a file that everybody may change: %v", err)
	}
}

func setList(t *testing.T, path, text string) {
	t.Helper()
	sd, err := windows.SecurityDescriptorFromString(text)
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
