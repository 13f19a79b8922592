package keptsocket

import (
	"errors"
	"net"
	"path/filepath"
	"testing"

	"poolcert/internal/localsock"
)

// A pipe outlives those who serve on it: callers that come in between wait for the next.
func TestKeptPipe(t *testing.T) {
	path := `\\.\pipe\poolcert-test-` + filepath.Base(t.TempDir())
	var kept Socket
	defer kept.Close(nil)
	first, err := kept.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() {
		_, err := first.Accept()
		waiting <- err
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of the first life: %v, want ErrClosed", err)
	}
	client, err := localsock.Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if found, err := kept.Mend(); err != nil || len(found) > 0 {
		t.Errorf("mend: %v, error %v; a pipe is nothing that can be taken away", found, err)
	}
	second, err := kept.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	server, err := second.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := localsock.CallerOf(server); err != nil || !c.IsTrusted() {
		t.Errorf("got %+v, error %v", c, err)
	}
	// Another path takes the pipe along, when the last connection has ended.
	server.Close()
	if _, err := kept.Listen(path + "-moved"); err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	if l, err := localsock.Listen(path, localsock.Options{}); err != nil {
		t.Errorf("the old pipe's name is not free: %v", err)
	} else {
		l.Close()
	}
}
