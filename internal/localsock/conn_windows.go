package localsock

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

const network = "pipe"

// An address is the path of a pipe.
type address string

func (address) Network() string  { return network }
func (a address) String() string { return string(a) }

// A pipe is one end of a connection.
type pipe struct {
	file *os.File
	path string

	first  []byte // what hear has read
	heard  time.Time
	caller Caller // the other end, where it is the client
	err    error  // why that is not known
}

// newPipe takes an end over, also when it fails.
func newPipe(handle windows.Handle, path string) (*pipe, error) {
	p := &pipe{file: os.NewFile(uintptr(handle), path), path: path}
	if err := p.SetDeadline(time.Time{}); err != nil {
		p.file.Close()
		return nil, err
	}
	return p, nil
}

// hear waits for the first that the other end says.
func (p *pipe) hear() error {
	first := make([]byte, 4096)
	n, err := p.Read(first)
	p.first, p.heard = first[:n], time.Now()
	return err
}

// Read implements [net.Conn].
func (p *pipe) Read(b []byte) (int, error) {
	if len(p.first) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	n, err := p.file.Read(b)
	if errors.Is(err, windows.ERROR_PIPE_NOT_CONNECTED) || errors.Is(err, windows.ERROR_NO_DATA) {
		err = io.EOF
	}
	return n, p.failed("read", err)
}

// Write implements [net.Conn].
func (p *pipe) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := p.file.Write(b)
	return n, p.failed("write", err)
}

// failed makes of an error of a file one of a connection: package http looks for
// timeouts as package net has them.
func (p *pipe) failed(op string, err error) error {
	var path *fs.PathError
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.Is(err, os.ErrClosed):
		err = net.ErrClosed
	case errors.As(err, &path):
		err = path.Err
	}
	return &net.OpError{Op: op, Net: network, Addr: address(p.path), Err: err}
}

// Close implements [net.Conn]. The other end still reads what was written.
func (p *pipe) Close() error { return p.failed("close", p.file.Close()) }

// LocalAddr implements [net.Conn].
func (p *pipe) LocalAddr() net.Addr { return address(p.path) }

// RemoteAddr implements [net.Conn].
func (p *pipe) RemoteAddr() net.Addr { return address(p.path) }

// SetDeadline implements [net.Conn].
func (p *pipe) SetDeadline(t time.Time) error { return p.file.SetDeadline(t) }

// SetReadDeadline implements [net.Conn].
func (p *pipe) SetReadDeadline(t time.Time) error { return p.file.SetReadDeadline(t) }

// SetWriteDeadline implements [net.Conn].
func (p *pipe) SetWriteDeadline(t time.Time) error { return p.file.SetWriteDeadline(t) }

// control calls f with the handle, which is not closed meanwhile.
func (p *pipe) control(f func(windows.Handle) error) error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(handle uintptr) { failed = f(windows.Handle(handle)) })
	return errors.Join(err, failed)
}
