package localsock

import (
	"errors"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"
)

var procImpersonateNamedPipeClient = windows.NewLazySystemDLL("advapi32.dll").NewProc("ImpersonateNamedPipeClient")

// impersonateNamedPipeClient gives this thread the token of the pipe's client.
func impersonateNamedPipeClient(pipe windows.Handle) error {
	if ok, _, err := procImpersonateNamedPipeClient.Call(uintptr(pipe)); ok == 0 {
		return err
	}
	return nil
}

// createPipe makes an instance of a pipe: the first one, which fails if there is
// one, or another one, which fails if there is none. It is what CreateNamedPipe does,
// whose flag for the first one Wine overlooks.
func createPipe(path string, sd *windows.SECURITY_DESCRIPTOR, first bool) (pipe windows.Handle, err error) {
	name, err := windows.NewNTUnicodeString(`\??\pipe\` + strings.TrimPrefix(path, pipePrefix))
	if err != nil {
		return windows.InvalidHandle, err
	}
	attributes := &windows.OBJECT_ATTRIBUTES{ObjectName: name, Attributes: windows.OBJ_CASE_INSENSITIVE, SecurityDescriptor: sd}
	attributes.Length = uint32(unsafe.Sizeof(*attributes))
	c := creationOf(first)
	err = windows.NtCreateNamedPipeFile(&pipe, c.access, attributes, &windows.IO_STATUS_BLOCK{}, c.share, c.disposition, c.options,
		c.typ, c.readMode, c.completion, c.instances, c.inbound, c.outbound, &c.wait)
	var status windows.NTStatus
	if errors.As(err, &status) {
		err = status.Errno()
	}
	return pipe, err
}

// openPipe connects to a pipe. Its server learns who the client is, and cannot act as
// that user.
func openPipe(path string) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return windows.InvalidHandle, err
	}
	return windows.CreateFile(name, openAccess, 0, nil, windows.OPEN_EXISTING, openFlags, 0)
}
