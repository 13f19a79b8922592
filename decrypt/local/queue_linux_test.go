package local_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"poolcert/decrypt/local"
)

// While no agent accepts, callers wait in the queue of the socket, which has an end. Who
// comes then is told so.
func TestQueueOfCallersFull(t *testing.T) {
	path := newPath(t)
	socket := func() int {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Close(fd) })
		return fd
	}
	listener, address := socket(), &syscall.SockaddrUnix{Name: path}
	if err := errors.Join(syscall.Bind(listener, address), syscall.Listen(listener, 0)); err != nil {
		t.Fatal(err)
	}
	waiting := 0
	for syscall.Connect(socket(), address) == nil {
		if waiting++; waiting > 8 {
			t.Fatal("the queue has no end")
		}
	}
	err := local.Dial(path).Healthy(t.Context())
	if !errors.Is(err, local.ErrUnavailable) || !strings.Contains(err.Error(), "queue of callers is full") {
		t.Errorf("error %v", err)
	}
}
