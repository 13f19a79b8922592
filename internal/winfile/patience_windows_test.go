package winfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

func TestPatiently(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		t.Fatal(err)
	}
	held, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	tries := 0
	err = Patiently(func() error {
		if tries++; tries == 3 {
			windows.CloseHandle(held)
		}
		return os.Remove(path)
	})
	if err != nil || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
	// It ends, and at once where no patience helps.
	began, tries := time.Now(), 0
	err = Patiently(func() error { tries++; return windows.ERROR_SHARING_VIOLATION })
	if took := time.Since(began); !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || tries < 5 || took > 10*patience {
		t.Errorf("%v after %d tries in %v", err, tries, took)
	}
	tries = 0
	if err := Patiently(func() error { tries++; return windows.ERROR_FILE_NOT_FOUND }); err == nil || tries != 1 {
		t.Errorf("%v after %d tries", err, tries)
	}
}
