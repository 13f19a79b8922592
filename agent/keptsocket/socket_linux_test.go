package keptsocket

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"poolcert/internal/testfolder"
)

// connect has the socket's next life accept a caller, who came before it.
func connect(t *testing.T, k *Socket, path string) net.Conn {
	t.Helper()
	caller, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { caller.Close() })
	life, err := k.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer life.Close()
	conn, err := life.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return caller
}

func newSocket(t *testing.T) (*Socket, string) {
	t.Helper()
	k, path := &Socket{}, filepath.Join(testfolder.New(t, ""), "socket")
	t.Cleanup(func() { k.Close(nil) })
	first, err := k.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := first.Accept()
		ended <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of a life that has ended: %v, want ErrClosed", err)
	}
	return k, path
}

// Callers that come between two lives wait for the next.
func TestSocketOutlivesItsLives(t *testing.T) {
	k, path := newSocket(t)
	connect(t, k, path)
	connect(t, k, path)
}

// A socket that is gone is made anew, and nobody who is connected notices.
func TestSocketIsMended(t *testing.T) {
	k, path := newSocket(t)
	if found, err := k.Mend(); err != nil || len(found) > 0 {
		t.Errorf("nothing was wrong: %v, error %v", found, err)
	}
	caller := connect(t, k, path)
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if found, err := k.Mend(); err != nil || len(found) != 1 || found[0].Cause != "missing" {
		t.Errorf("found %v, error %v", found, err)
	}
	connect(t, k, path)
	if _, err := caller.Write([]byte("x")); err != nil {
		t.Errorf("who was connected: %v", err)
	}

	// What is no socket stays.
	if err := errors.Join(os.Remove(path), os.WriteFile(path, []byte("mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if found, err := k.Mend(); err == nil {
		t.Errorf("a file is in its place: found %v", found)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "mine" {
		t.Errorf("the file has %q, error %v", data, err)
	}
}
