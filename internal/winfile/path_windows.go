package winfile

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// What the functions below open is at a path, of which only the last name is not
// followed: judge the folders above with [CheckFolders].

// OpenFile opens a file to read it.
func OpenFile(path string) (*os.File, error) {
	return openAt(path, windows.GENERIC_READ, shareAll, windows.OPEN_EXISTING)
}

// OpenAppend opens a file to add to its end, and to read it, or makes it, with rights that
// it inherits. Nobody can remove or rename it meanwhile.
func OpenAppend(path string) (*os.File, error) {
	const access = windows.GENERIC_READ | windows.FILE_APPEND_DATA | windows.FILE_WRITE_ATTRIBUTES | windows.FILE_WRITE_EA | windows.READ_CONTROL | windows.SYNCHRONIZE
	return openAt(path, access, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, windows.OPEN_ALWAYS)
}

// HoldFolder opens a folder so that nobody can remove or rename it, nor any above it.
func HoldFolder(path string) (*os.File, error) {
	return openAt(path, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, windows.OPEN_EXISTING)
}

// TakeFolder opens a folder to remove it, which fails while somebody holds it.
func TakeFolder(path string) (*os.File, error) {
	return openAt(path, windows.GENERIC_READ|windows.DELETE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, windows.OPEN_EXISTING)
}

// RemoveIn removes a file in an open folder.
func RemoveIn(dir *os.File, name string) error {
	f, err := open(dir, name, "", goneFile)
	if err != nil {
		return err
	}
	defer f.Close()
	return Remove(f)
}

// Remove removes an open file, or an open folder that is empty, when it is closed.
func Remove(f *os.File) error {
	gone := byte(1)
	if err := windows.SetFileInformationByHandle(windows.Handle(f.Fd()), windows.FileDispositionInfo, &gone, 1); err != nil {
		return &fs.PathError{Op: "remove", Path: f.Name(), Err: err}
	}
	return nil
}

func openAt(path string, access, share, disposition uint32) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	handle, err := windows.CreateFile(name, access, share, nil, disposition,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(handle), path)
	if err := refuseReparse(f); err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return f, nil
}
