package localsock_test

import (
	"net"
	"path/filepath"
	"testing"

	"poolcert/internal/localsock"
)

// BenchmarkProcessOf is what a new connection costs beyond what is asked of the
// socket.
func BenchmarkProcessOf(b *testing.B) {
	l, err := localsock.Listen(filepath.Join(b.TempDir(), "s"), localsock.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	c, err := localsock.CallerOf(server)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := localsock.ProcessOf(server, c); err != nil {
			b.Fatal(err)
		}
	}
}
