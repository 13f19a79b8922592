package taskcerts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"poolcert/internal/fsuser"
)

// A place is where a folder may be made or removed, and who does it.
type place struct {
	dir  string
	as   User // with whose rights
	root bool // the folder is root's, as are those above it
	open bool // everybody can write to it
}

// do calls f with dir opened.
func (p place) do(f func(dir *os.Root) error) error {
	return fsuser.Do(p.as.UID, p.as.GID, func() error {
		dir, err := os.OpenRoot(p.dir)
		if err != nil {
			return err
		}
		defer dir.Close()
		// What is open now is what counts: the path may lead elsewhere since it was looked at.
		info, err := dir.Stat(".")
		if err != nil {
			return err
		}
		if owner := ownerOf(info); owner.UID != p.as.UID {
			return fmt.Errorf("%w: %s belongs to uid %d, not to uid %d", ErrPlace, p.dir, owner.UID, p.as.UID)
		}
		return f(dir)
	})
}

// placeOf decides by the owner of dir.
func placeOf(dir string) (place, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return place{}, err
	}
	if !info.IsDir() {
		return place{}, &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	owner := ownerOf(info)
	if owner.UID != 0 {
		return place{dir: dir, as: owner, open: info.Mode().Perm()&0o002 != 0}, nil
	}
	if os.Geteuid() != 0 {
		return place{}, fmt.Errorf("%w: %s is root's, and this is not root", ErrPlace, dir)
	}
	dir, err = rootsOnly(dir)
	return place{dir: dir, as: owner, root: true}, err
}

// maxLinks is how many links a path may have, as in the kernel.
const maxLinks = 40

// rootsOnly returns the path of dir without links, if only root can write to it and
// can change what is on the way to it, each link and its own way included: then it
// leads to the same folder until root changes it, and nobody else chose it. In a
// sticky folder on the way, as /tmp, nobody else can move what is root's.
func rootsOnly(dir string) (string, error) {
	at, names, links := "/", strings.Split(dir, "/"), 0
	for ; len(names) > 0; names = names[1:] {
		if err := checkRoots(at, false); err != nil {
			return "", err
		}
		next := filepath.Join(at, names[0])
		info, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; ownerOf(info).UID != 0 || links > maxLinks {
			return "", fmt.Errorf("%w: %s is a link that is not root's", ErrPlace, next)
		}
		target, err := os.Readlink(next)
		if err != nil {
			return "", err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		names = slices.Concat(names[:1:1], strings.Split(target, "/"), names[1:])
	}
	return at, checkRoots(at, true)
}

// checkRoots tells whether only root can write to a folder; into a sticky one that is
// not the last, others may put what is theirs.
func checkRoots(folder string, last bool) error {
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	sticky := !last && info.Mode()&fs.ModeSticky != 0
	if ownerOf(info).UID != 0 || info.Mode().Perm()&0o022 != 0 && !sticky || !info.IsDir() {
		return fmt.Errorf("%w: others than root can write to %s", ErrPlace, folder)
	}
	return nil
}

// ensure makes dir if it is missing: as root's where only root can write, else with
// the user's rights.
func ensure(dir string, user User) error {
	var missing []string
	there := dir
	for ; ; there = filepath.Dir(there) {
		if _, err := os.Stat(there); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		missing = append(missing, filepath.Base(there))
	}
	if len(missing) == 0 {
		return nil
	}
	real, err := rootsOnly(there)
	if os.Geteuid() != 0 || err != nil {
		return fsuser.Do(user.UID, user.GID, func() error { return os.MkdirAll(dir, 0o700) })
	}
	for _, name := range slices.Backward(missing) {
		real = filepath.Join(real, name)
		if err := os.Mkdir(real, 0o755); errors.Is(err, fs.ErrExist) {
			continue // the prolog of another task was faster
		} else if err != nil {
			return err
		}
		if err := os.Chmod(real, 0o755); err != nil { // whatever the umask is
			return err
		}
	}
	return nil
}

func ownerOf(info fs.FileInfo) User {
	st := info.Sys().(*syscall.Stat_t)
	return User{int(st.Uid), int(st.Gid)}
}
