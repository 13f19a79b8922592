// Package taskcerts makes the folder of certificates that one task owns, as Azure
// Batch had it: DIR/certs, which AZ_BATCH_CERTIFICATES_DIR names, beside the task's
// other folders.
//
// Call [Make] before the task, in a scheduler's prolog, and [Remove] after it. Both
// may be called again after a failure.
//
// Promises. The folder appears whole, or not at all; only its user can enter it, and
// the user may change what is in it. In a DIR of the user's, all is done with the
// user's rights to files; in one of root's, nobody else can interfere. So whatever the
// user prepares there, root is led nowhere. Remove overwrites keys where they
// were made; copies are the user's affair.
//
// Do not use a DIR that a third user can write to, or move: one that everybody can
// write to is refused, but the groups of a user's DIR, and who owns the folders above
// it, are not looked at.
package taskcerts

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Name is what the folder is called.
const Name = "certs"

// tempPrefix is of folders that are not complete yet.
const tempPrefix = ".poolcert-certs-"

// A User is whom the folder is for.
type User struct{ UID, GID int }

// Self is the user of this process.
func Self() User { return User{os.Geteuid(), os.Getegid()} }

var (
	// ErrPlace is wrapped when the folder cannot be made in DIR for reasons of
	// whose it is.
	ErrPlace = errors.New("not a safe place for a task's certificates")

	// ErrForeign is wrapped when DIR/certs has files that Make did not make.
	ErrForeign = errors.New("has files of others")

	// ErrNoSet is wrapped when there are no installed certificates to copy, or none
	// that the caller may read (fs.ErrPermission).
	ErrNoSet = errors.New("no certificates are installed there")
)

// Make copies the files of the folder from, in which the agent installs the
// certificates of one visibility, to the folder certs in dir, for user, and returns
// its path. dir must belong to user, or to root, as all the folders above it then; it
// is made if it is missing. A folder certs of an earlier Make is replaced.
//
// Another user than the own one takes root.
func Make(from, dir string, user User) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	files, err := readSet(from)
	if err != nil {
		return "", fmt.Errorf("read installed certificates: %w", err)
	}
	defer func() {
		for _, f := range files {
			clear(f.data)
		}
	}()
	path := filepath.Join(dir, Name)
	if err := makeFolder(dir, files, user); err != nil {
		return "", fmt.Errorf("make %s: %w", path, err)
	}
	return path, nil
}

// Remove removes the folder certs in dir, and dir, if it is root's and empty then. What
// is not there is no error. Files that Make did not make go with a user's folder in a dir
// of root's; else they stay, and kept counts them.
func Remove(dir string) (kept int, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	if kept, err = removeFolder(dir); err != nil {
		return kept, fmt.Errorf("remove %s: %w", filepath.Join(dir, Name), err)
	}
	return kept, nil
}

// A file is one of a certificate.
type file struct {
	name string
	data []byte
}

// isOurs tells whether a file of that name is one of a certificate.
func isOurs(name string) bool {
	base, end, _ := strings.Cut(name, ".")
	digits, ok := strings.CutPrefix(base, "sha1-")
	return ok && len(digits) == 40 && strings.Trim(digits, "0123456789abcdef") == "" &&
		slices.Contains([]string{"pfx", "pfx.pw", "cer", "pem", "key"}, end)
}

const (
	maxFile  = 1 << 20 // bytes
	maxFiles = 10_000
)

// readSet reads one generation of installed files: current may change meanwhile,
// and what it was may be removed.
func readSet(from string) ([]file, error) {
	for range 3 {
		folder, err := filepath.EvalSymlinks(from)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoSet, err)
		}
		files, err := readFolder(folder)
		if errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("%w: %w", ErrNoSet, err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return files, err
		}
	}
	return nil, fmt.Errorf("%s changes all the time", from)
}

func readFolder(folder string) ([]file, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []file
	for _, e := range entries {
		if !isOurs(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if len(files) == maxFiles {
			return nil, fmt.Errorf("%s has more than %d files", folder, maxFiles)
		}
		data, err := readFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		files = append(files, file{e.Name(), data})
	}
	return files, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return data, err
}
