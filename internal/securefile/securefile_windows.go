package securefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/internal/winfile"
)

// protectedSDDL gives the file to the system, the administrators and its owner,
// and inherits nothing from the folder. The owner of what an administrator makes are the
// administrators.
const protectedSDDL = "D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)"

func (f *File) createTemp() (err error) {
	if f.uid >= 0 || f.gid >= 0 {
		return fmt.Errorf("set owner by number: %w", errors.ErrUnsupported)
	}
	f.tempName = tempIn(filepath.Dir(f.path))
	f.temp, err = createFile(f.tempName, windows.GENERIC_WRITE, windows.FILE_ATTRIBUTE_NORMAL, f.perm&0o077 == 0)
	return err
}

func (f *File) place() error        { return f.placeNamed() }
func syncAll(files []*File) []error { return syncEach(files) }

// protect has nothing left to do: rename keeps the rights of createTemp.
func (f *File) protect() error { return nil }

func createFile(path string, access, flags uint32, protected bool) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	var sa *windows.SecurityAttributes
	if protected {
		keeper, err := winfile.Keeper()
		if err != nil {
			return nil, err
		}
		sd, err := windows.SecurityDescriptorFromString(winfile.Owner(keeper) + protectedSDDL)
		if err != nil {
			return nil, err
		}
		sa = &windows.SecurityAttributes{SecurityDescriptor: sd}
		sa.Length = uint32(unsafe.Sizeof(*sa))
	}
	h, err := windows.CreateFile(name, access, 0, sa, windows.CREATE_NEW, flags, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: err}
	}
	return os.NewFile(uintptr(h), path), nil
}

func rename(from, to string) error {
	return move(from, to, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
}

// renameNew moves a file to where nothing is.
func renameNew(from, to string) error { return move(from, to, windows.MOVEFILE_WRITE_THROUGH) }

func move(from, to string, flags uint32) error {
	src, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	dst, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	if err := winfile.Patiently(func() error { return windows.MoveFileEx(src, dst, flags) }); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// syncDir relies on MOVEFILE_WRITE_THROUGH: Windows does not sync folders. As
// elsewhere, the folder has to be there.
func syncDir(dir string) error {
	_, err := os.Stat(dir)
	return err
}

func scratch(path string) (*os.File, error) {
	return createFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE,
		windows.FILE_ATTRIBUTE_TEMPORARY|windows.FILE_FLAG_DELETE_ON_CLOSE, true)
}
