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
	disposition := uint32(windows.FILE_OPEN)
	if first {
		disposition = windows.FILE_CREATE
	}
	const (
		access    = windows.GENERIC_READ | windows.GENERIC_WRITE | windows.SYNCHRONIZE
		share     = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE
		typ       = windows.FILE_PIPE_BYTE_STREAM_TYPE | windows.FILE_PIPE_REJECT_REMOTE_CLIENTS
		unlimited = 1<<32 - 1
	)
	wait := int64(-500_000) // 50 ms in units of 100 ns, for clients that use the default of WaitNamedPipe
	err = windows.NtCreateNamedPipeFile(&pipe, access, attributes, &windows.IO_STATUS_BLOCK{}, share, disposition, 0,
		typ, windows.FILE_PIPE_BYTE_STREAM_MODE, windows.FILE_PIPE_QUEUE_OPERATION, unlimited, pipeBuffer, pipeBuffer, &wait)
	var status windows.NTStatus
	if errors.As(err, &status) {
		err = status.Errno()
	}
	return pipe, err
}

// pipeBuffer is what each direction holds, in bytes.
const pipeBuffer = 64 << 10

// openPipe connects to a pipe. Its server learns who the client is, and cannot act as
// that user.
func openPipe(path string) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return windows.InvalidHandle, err
	}
	const flags = windows.FILE_FLAG_OVERLAPPED | windows.SECURITY_SQOS_PRESENT | windows.SECURITY_IDENTIFICATION
	return windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, flags, 0)
}
