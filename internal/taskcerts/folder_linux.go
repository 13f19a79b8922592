package taskcerts

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"poolcert/internal/fsuser"
)

func makeFolder(dir string, files []file, user User) error {
	if err := ensure(dir, user); err != nil {
		return err
	}
	p, err := placeOf(dir)
	if err != nil {
		return err
	}
	if !p.root && p.as.UID != user.UID {
		return fmt.Errorf("%w: %s belongs to uid %d, not to uid %d", ErrPlace, dir, p.as.UID, user.UID)
	}
	if p.open {
		return fmt.Errorf("%w: everybody can write to %s", ErrPlace, dir)
	}
	if !p.root {
		p.as = user
	}
	switch kept, err := p.remove(); {
	case err != nil:
		return fmt.Errorf("remove what is there: %w", err)
	case kept > 0:
		return fmt.Errorf("%s %w", Name, ErrForeign)
	}
	return p.do(func(dir *os.Root) error { return p.fill(dir, files, user) })
}

// fill makes the folder under another name first. Until it is complete, only
// who makes it can enter it.
func (p place) fill(dir *os.Root, files []file, user User) error {
	temp := tempPrefix + rand.Text()
	if err := dir.Mkdir(temp, 0o700); err != nil {
		return err
	}
	err := func() error {
		folder, err := dir.OpenRoot(temp)
		if err != nil {
			return err
		}
		defer folder.Close()
		for _, f := range files {
			if err := writeFile(folder, f, user); err != nil {
				return err
			}
		}
		if err := give(folder, ".", user, 0o700); err != nil {
			return err
		}
		return dir.Rename(temp, Name)
	}()
	if err != nil {
		err = errors.Join(err, dir.RemoveAll(temp))
	}
	return err
}

func writeFile(folder *os.Root, f file, user User) error {
	out, err := folder.OpenFile(f.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(f.data)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return give(folder, f.name, user, 0o600)
}

// give gives what nobody else can reach yet to user.
func give(folder *os.Root, name string, user User, mode fs.FileMode) error {
	info, err := folder.Lstat(name)
	if err != nil {
		return err
	}
	if ownerOf(info) != user {
		if err := folder.Lchown(name, user.UID, user.GID); err != nil {
			return err
		}
	}
	return folder.Chmod(name, mode)
}

func removeFolder(dir string) (kept int, err error) {
	p, err := placeOf(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if kept, err = p.remove(); err == nil && p.root {
		_ = os.Remove(p.dir) // only if it is empty
	}
	return kept, err
}

// remove removes the folder, and what an earlier process left incomplete.
func (p place) remove() (kept int, err error) {
	err = p.do(func(dir *os.Root) error {
		if err := p.sweep(dir); err != nil {
			return err
		}
		info, err := dir.Lstat(Name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !info.IsDir():
			kept = 1
			return nil
		case p.root && ownerOf(info).UID != 0:
			return p.removeOf(dir, ownerOf(info))
		}
		kept, err = erase(dir)
		if err == nil && kept == 0 {
			err = dir.Remove(Name)
		}
		return err
	})
	return kept, err
}

// removeOf removes a user's folder in a dir of root's, with all that is in it.
func (p place) removeOf(dir *os.Root, user User) error {
	// What the user may have put there is opened with the user's rights only.
	eraseErr := fsuser.Do(user.UID, user.GID, func() error {
		_, err := erase(dir)
		return err
	})
	// Then nobody but root can change it any more.
	if err := dir.Lchown(Name, 0, 0); err != nil {
		return err
	}
	if err := errors.Join(dir.Chmod(Name, 0o700), dir.RemoveAll(Name)); err != nil {
		return errors.Join(eraseErr, err)
	}
	return nil
}

// sweep removes folders that were never completed.
func (p place) sweep(dir *os.Root) error {
	entries, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) && e.IsDir() {
			if err := dir.RemoveAll(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// erase overwrites and removes the files of certificates in the folder, and
// counts what else there is.
func erase(dir *os.Root) (kept int, err error) {
	entries, err := fs.ReadDir(dir.FS(), Name)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		name := path.Join(Name, e.Name())
		if !isOurs(e.Name()) {
			kept++
			continue
		}
		if e.Type().IsRegular() {
			_ = overwrite(dir, name) // a user may have made it read-only, and then it goes as it is
		}
		if err := dir.Remove(name); err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// overwrite writes zeros over a file, as far as it is one that Make could have made.
func overwrite(dir *os.Root, name string) error {
	f, err := dir.OpenFile(name, os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return err
	}
	if _, err := f.Write(make([]byte, info.Size())); err != nil {
		return err
	}
	return f.Sync()
}
