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
)

// removeTime is how long what was started may take to let go of a file.
const removeTime = 2 * time.Second

// A privateFolder is one of the user's temporary files that only the user, the system
// and administrators can enter. This process holds it, so that nobody can exchange it for
// another one, and however that ends: who can take a folder may remove it.
type privateFolder struct {
	path  string
	held  *os.File
	files int
}

// newPrivateFolder makes a folder, after it removed those that processes which were
// killed have left behind.
func newPrivateFolder() (*privateFolder, error) {
	temp := os.TempDir()
	sweepPrivateFolders(temp)
	keeper, err := winfile.Keeper()
	if err != nil {
		return nil, err
	}
	for tries := 0; ; tries++ {
		d := &privateFolder{path: filepath.Join(temp, privatePrefix+rand.Text())}
		if err := winfile.Mkdir(d.path, winfile.Private(keeper)); err != nil {
			return nil, err
		}
		if d.held, err = openMine(d.path, winfile.HoldFolder); err == nil {
			return d, nil
		}
		os.Remove(d.path) // somebody who sweeps was faster
		if tries == 3 {
			return nil, err
		}
	}
}

// ofFolder is a variable since Wine knows one account only.
var ofFolder = winfile.Of

// openMine opens a folder that this account has made, and that nobody else can change.
// Among the temporary files, others may have one by such a name, or lead elsewhere by it.
func openMine(path string, open func(string) (*os.File, error)) (*os.File, error) {
	own, err := winfile.Own()
	if err != nil {
		return nil, err
	}
	keeper, err := winfile.Keeper()
	if err != nil {
		return nil, err
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	d, err := ofFolder(f)
	if err == nil {
		err = d.CheckMine(own, keeper)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// sweepPrivateFolders removes what is in nobody's use any more. Of a folder of somebody
// else, or of another kind, it removes nothing.
func sweepPrivateFolders(temp string) {
	entries, err := os.ReadDir(temp)
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), privatePrefix) && e.IsDir() {
			_ = removePrivateFolder(filepath.Join(temp, e.Name())) // the next one tries again
		}
	}
}

// removePrivateFolder removes a folder that nobody holds, with its files: from where it
// is once it has been judged, and not by its name.
func removePrivateFolder(path string) error {
	dir, err := openMine(path, winfile.TakeFolder)
	if err != nil {
		return err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), secretPrefix) {
			err = errors.Join(err, winfile.RemoveIn(dir, e.Name()))
		}
	}
	if err != nil {
		return err
	}
	return winfile.Remove(dir)
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
	d.held.Close()
	deadline := time.Now().Add(removeTime)
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		err := removePrivateFolder(d.path)
		if err == nil || errors.Is(err, fs.ErrNotExist) { // who sweeps was faster
			return nil
		}
		if time.Now().After(deadline) {
			return cli.Hint(fmt.Errorf("remove secrets: %w", err), "remove the folder %s yourself, when no program has a file of it open", d.path)
		}
		time.Sleep(wait)
	}
}
