package svcrun

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/internal/winfile"
)

// checkProgram looks at the program and all folders above it.
func checkProgram(path string) error {
	path = filepath.Clean(path)
	root := filepath.VolumeName(path) + `\`
	pointer, err := windows.UTF16PtrFromString(root)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(path) || windows.GetDriveType(pointer) != windows.DRIVE_FIXED {
		return fmt.Errorf("%w: %s is no fixed disk of this computer", ErrOpenProgram, root)
	}
	return checkPath(root, path, trusted(), lookAt)
}

// lookAt opens what lies at path itself, and follows nothing there.
func lookAt(path string) (p place, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return p, err
	}
	const shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	handle, err := windows.CreateFile(name, windows.READ_CONTROL|windows.FILE_READ_ATTRIBUTES, shareAll, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return p, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(handle), path)
	defer f.Close()
	var info struct{ attributes, tag uint32 } // FILE_ATTRIBUTE_TAG_INFO
	err = windows.GetFileInformationByHandleEx(handle, windows.FileAttributeTagInfo, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		return p, &fs.PathError{Op: "look at", Path: path, Err: err}
	}
	p.Leads = info.attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 && isSurrogate(info.tag)
	p.Descriptor, err = winfile.Of(f)
	return p, err
}
