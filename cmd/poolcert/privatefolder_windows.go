package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/cli"
	"poolcert/internal/winfile"
)

const (
	privatePrefix = "poolcert-exec-"
	secretPrefix  = "secret-"
	inUseName     = "in-use"
)

// removeTime is how long what was started may take to let go of a file.
const removeTime = 2 * time.Second

// A privateFolder is one of the user's temporary files that only the user, the system
// and administrators can enter. It holds a file that is there as long as this process is, however
// that ends: who finds a folder without one may remove it.
type privateFolder struct {
	path  string
	inUse windows.Handle
	files int
}

// newPrivateFolder makes a folder, after it removed those that processes which were
// killed have left behind.
func newPrivateFolder() (*privateFolder, error) {
	temp := os.TempDir()
	sweepPrivateFolders(temp)
	own, err := winfile.Own()
	if err != nil {
		return nil, err
	}
	for tries := 0; ; tries++ {
		d := &privateFolder{path: filepath.Join(temp, privatePrefix+rand.Text())}
		if err := winfile.Mkdir(d.path, winfile.Private(own)); err != nil {
			return nil, err
		}
		if d.inUse, err = takeFolder(d.path); err == nil {
			return d, nil
		}
		os.Remove(d.path) // somebody who sweeps was faster
		if tries == 3 {
			return nil, err
		}
	}
}

// takeFolder makes the file that says that a folder is in use. The system removes it
// with the last handle on it.
func takeFolder(dir string) (windows.Handle, error) {
	path := filepath.Join(dir, inUseName)
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, err
	}
	handle, err := windows.CreateFile(name, windows.GENERIC_WRITE|windows.DELETE, 0, nil, windows.CREATE_NEW,
		windows.FILE_ATTRIBUTE_TEMPORARY|windows.FILE_FLAG_DELETE_ON_CLOSE, 0)
	if err != nil {
		return 0, &fs.PathError{Op: "create", Path: path, Err: err}
	}
	return handle, nil
}

// sweepPrivateFolders removes what is in nobody's use any more. Of a folder of somebody
// else, or of another kind, it removes nothing.
func sweepPrivateFolders(temp string) {
	entries, err := os.ReadDir(temp)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), privatePrefix) || !e.IsDir() {
			continue
		}
		d := &privateFolder{path: filepath.Join(temp, e.Name())}
		if d.inUse, err = takeFolder(d.path); err == nil {
			_ = d.removeFiles() // the next one tries again
			windows.CloseHandle(d.inUse)
			os.Remove(d.path)
		}
	}
}

// create makes a file for a secret, which keeps the end of the name that it had.
func (d *privateFolder) create(name string) (*os.File, error) {
	d.files++
	path := filepath.Join(d.path, fmt.Sprint(secretPrefix, d.files, filepath.Ext(name)))
	ptr, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	// Temporary: the system keeps it in memory as long as it can.
	handle, err := windows.CreateFile(ptr, windows.GENERIC_WRITE, 0, nil, windows.CREATE_NEW,
		windows.FILE_ATTRIBUTE_TEMPORARY|windows.FILE_ATTRIBUTE_NOT_CONTENT_INDEXED, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// hold opens a file so that nobody can change or remove it meanwhile.
func (d *privateFolder) hold(path string) (*os.File, error) {
	ptr, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(ptr, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

// remove removes the folder with its files. What the command started and that was killed
// may hold them for a moment.
func (d *privateFolder) remove() error {
	deadline := time.Now().Add(removeTime)
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		err := d.removeFiles()
		if err == nil || time.Now().After(deadline) {
			windows.CloseHandle(d.inUse)
			if err = errors.Join(err, os.Remove(d.path)); err != nil {
				return cli.Hint(fmt.Errorf("remove secrets: %w", err), "remove the folder %s yourself, when no program has a file of it open", d.path)
			}
			return nil
		}
		time.Sleep(wait)
	}
}

func (d *privateFolder) removeFiles() error {
	entries, err := os.ReadDir(d.path)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), secretPrefix) {
			err = errors.Join(err, os.Remove(filepath.Join(d.path, e.Name())))
		}
	}
	return err
}
