package winfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
)

func replace[T any](t *testing.T, v *T, by T) {
	was := *v
	*v = by
	t.Cleanup(func() { *v = was })
}

// No way to open something goes through a junction or a link, where there are any.
func TestLinksAreRefused(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(path, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	ways := map[string]func() (*os.File, error){
		"OpenFolderIn":    func() (*os.File, error) { return OpenFolderIn(dir, "folder") },
		"OpenOwnFolderIn": func() (*os.File, error) { return OpenOwnFolderIn(dir, "folder") },
		"OpenFileIn":      func() (*os.File, error) { return OpenFileIn(dir, "file") },
		"OpenFile":        func() (*os.File, error) { return OpenFile(filepath.Join(path, "file")) },
		"OpenAppend":      func() (*os.File, error) { return OpenAppend(filepath.Join(path, "file")) },
		"HoldFolder":      func() (*os.File, error) { return HoldFolder(filepath.Join(path, "folder")) },
	}
	for name, open := range ways {
		f, err := open()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f.Close()
	}
	replace(t, &isReparse, func(*os.File) (bool, error) { return true, nil })
	for name, open := range ways {
		if f, err := open(); !errors.Is(err, ErrLink) {
			f.Close()
			t.Errorf("%s: %v, want ErrLink", name, err)
		}
	}
	var folder *FolderError
	if err := CheckFolders(filepath.Join(path, "file")); !errors.As(err, &folder) || folder.Folder != path || !errors.Is(err, ErrLink) {
		t.Errorf("CheckFolders: %v", err)
	}
	if err := MkdirAll(filepath.Join(path, "new"), Private(sddl.System)); !errors.Is(err, ErrLink) {
		t.Errorf("MkdirAll: %v", err)
	}
}

// Set takes away what is inherited: the list alone would leave it.
func TestSetProtects(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var flags windows.SECURITY_INFORMATION
	replace(t, &setSecurityInfo, func(_ windows.Handle, _ windows.SE_OBJECT_TYPE, info windows.SECURITY_INFORMATION, _, _ *windows.SID, list, _ *windows.ACL) error {
		if flags = info; list == nil || list.AceCount != 2 {
			t.Errorf("list %+v", list)
		}
		return nil
	})
	if err := Set(f, PrivateFile(sddl.System)); err != nil {
		t.Fatal(err)
	}
	if flags != windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION {
		t.Errorf("flags %#x", flags)
	}
}

// A folder that is held stays what it is, and is removed with its files when nobody
// holds it.
func TestHoldFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder")
	keeper, err := Keeper()
	if err != nil {
		t.Fatal(err)
	}
	if err := Mkdir(path, Private(keeper)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "secret-1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := HoldFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TakeFolder(path); !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
		t.Errorf("taken while it is held: %v", err)
	}
	if err := os.Rename(path, path+"2"); err == nil {
		t.Error("moved while it is held")
	}
	held.Close()
	dir, err := TakeFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := dir.ReadDir(-1); err != nil || len(entries) != 1 {
		t.Errorf("it has %v, error %v", entries, err)
	}
	if err := RemoveIn(dir, "secret-1"); err != nil {
		t.Error(err)
	}
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
	dir.Close()
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder: %v, want it gone", err)
	}
}
