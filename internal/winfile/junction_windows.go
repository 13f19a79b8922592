package winfile

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// SetJunction makes a junction of the folder path, which must be empty, or has the
// junction path lead elsewhere. This is one change of the file system: who opens path
// meanwhile, or after a crash, comes to the one or the other folder. It is durable when
// the folder that path is in has been synced.
func SetJunction(path, target string) error {
	data, err := encodeJunction(target)
	if err != nil {
		return &os.LinkError{Op: "junction", Old: target, New: path, Err: err}
	}
	f, err := openPath(path, windows.FILE_WRITE_ATTRIBUTES|windows.FILE_WRITE_DATA|windows.SYNCHRONIZE)
	if err != nil {
		return err
	}
	defer f.Close()
	var n uint32
	err = windows.DeviceIoControl(windows.Handle(f.Fd()), windows.FSCTL_SET_REPARSE_POINT, &data[0], uint32(len(data)), nil, 0, &n, nil)
	if err != nil {
		return &os.LinkError{Op: "junction", Old: target, New: path, Err: err}
	}
	return nil
}

// Junction returns where the junction path leads.
func Junction(path string) (target string, err error) {
	f, err := openPath(path, windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data := make([]byte, maxReparse)
	var n uint32
	err = windows.DeviceIoControl(windows.Handle(f.Fd()), windows.FSCTL_GET_REPARSE_POINT, nil, 0, &data[0], uint32(len(data)), &n, nil)
	if err == nil {
		target, err = decodeJunction(data[:n])
	}
	if err != nil {
		return "", &fs.PathError{Op: "read junction", Path: path, Err: err}
	}
	return target, nil
}
