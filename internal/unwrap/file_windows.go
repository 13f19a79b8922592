package unwrap

import (
	"io/fs"
	"math"
	"os"

	"golang.org/x/sys/windows"

	"poolcert/internal/winfile"
)

// openNoFollow opens a link itself, whose content is not that of a file, and keeps
// nobody from writing, moving or removing the file meanwhile.
func openNoFollow(path string) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(name, windows.GENERIC_READ, share, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_OPEN_REPARSE_POINT|windows.FILE_FLAG_SEQUENTIAL_SCAN, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

func remove(path string) error {
	return winfile.Patiently(func() error { return os.Remove(path) })
}

func descriptors() uint64 { return math.MaxUint64 }
