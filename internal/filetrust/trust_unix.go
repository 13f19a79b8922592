//go:build unix

package filetrust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const nonblock = syscall.O_NONBLOCK

func open(path string) (*os.File, error) { return os.Open(path) }

func checkFolders(string) error { return nil }

func checkSecret(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	if err := checkOwnerIn(fi); err != nil {
		return err
	}
	if fi.Mode().Perm()&0o007 != 0 || fi.Mode().Perm()&0o040 != 0 && fi.Mode().Perm()&0o200 != 0 {
		return fmt.Errorf("others can read it (mode %04o, want 0600)", fi.Mode().Perm())
	}
	return nil
}

func checkOwner(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	return checkOwnerIn(fi)
}

func checkOwnerOf(path string) error {
	fi, err := os.Stat(path)
	if err != nil {
		return err
	}
	return checkOwnerIn(fi)
}

func checkOwnerIn(fi fs.FileInfo) error {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, and not to root", st.Uid)
	}
	if fi.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others can change it (mode %04o)", fi.Mode().Perm())
	}
	return nil
}

func checkAbove(path string) error {
	fi, err := os.Stat(path)
	if err != nil || fi.Mode()&fs.ModeSticky != 0 {
		return err
	}
	return checkOwnerIn(fi)
}

func othersCanRead(f *os.File) bool {
	fi, err := f.Stat()
	return err != nil || fi.Mode().Perm()&0o004 != 0
}

func makePassable(dir string) error {
	dir = filepath.Clean(dir)
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// One by one: the umask of the agent's service keeps others out of each.
	above, name := filepath.Dir(dir), filepath.Base(dir)
	if err := makePassable(above); err != nil {
		return err
	}
	// Who can write above may exchange what was made for a link: it leads nowhere else.
	root, err := os.OpenRoot(above)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Mkdir(name, 0o755); errors.Is(err, fs.ErrExist) { // by now, or as a link that leads nowhere
		_, err = os.Stat(dir)
		return err
	} else if err != nil {
		return err
	}
	made, err := root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	return errors.Join(made.Chmod(0o755), made.Close())
}

func makePrivate(dir string) error {
	dir = filepath.Clean(dir)
	if err := makePassable(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
