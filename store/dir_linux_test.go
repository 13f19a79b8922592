package store_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"poolcert/batch"
	"poolcert/internal/testtool"
	"poolcert/store"
	"poolcert/store/storetest"
)

// Each group reads its own folder, and no other; a stranger reads nothing.
func TestDirReaders(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	root := memoryRoot(t)
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	a := storetest.PFX(t, "a")
	replace(t, openDir(t, options(root)), a)
	const stranger = 54_999
	for _, of := range batch.Visibilities() {
		file := filepath.Join(root, "current", string(of), "sha1-"+a.Reference.Thumbprint.String()+".pfx.pw")
		for who, gid := range map[string]uint32{
			"starttask":  uint32(owners()[batch.StartTask].GID),
			"task":       uint32(owners()[batch.Task].GID),
			"remoteuser": uint32(owners()[batch.RemoteUser].GID),
			"stranger":   stranger,
		} {
			cmd := exec.Command("cat", file)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54_321, Gid: stranger, Groups: []uint32{gid}}}
			out, err := cmd.Output()
			if may := who == string(of); may != (err == nil && string(out) == string(a.Password)) {
				t.Errorf("%s reads the file of %s: %v, want %v", who, of, err == nil, may)
			}
		}
	}
}

// A disk that is really full keeps the old set, and heals.
func TestDirFullDisk(t *testing.T) {
	testtool.NeedRoot(t, "to mount")
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=512k,mode=755"); err != nil {
		testtool.Missing(t, "the right to mount", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(mount, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	root := filepath.Join(mount, "certs")
	d := openDir(t, options(root))
	a := storetest.PFX(t, "a")
	replace(t, d, a)

	var large []store.Entry
	for i := range 10 {
		e := storetest.PFX(t, fmt.Sprintf("large %d", i), batch.Task)
		e.Data = make([]byte, 100<<10)
		large = append(large, e)
	}
	if _, err := d.Replace(t.Context(), large); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrUnfinished) {
		t.Errorf("error %v, want ENOSPC", err)
	}
	checkOneOf(t, root, treeOf(a))
	checkClean(t, root, 1)
	replace(t, d, large[:2]...)
	checkOneOf(t, root, treeOf(large[:2]...))
}
