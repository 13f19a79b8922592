package localsock

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Before publish no one else can connect, whatever the umask is.
func TestSocketIsBornPrivate(t *testing.T) {
	old := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(old) })
	path := filepath.Join(t.TempDir(), "s")
	config := net.ListenConfig{Control: private}
	l, err := config.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("mode %v, error %v, want 0600", info.Mode(), err)
	}
}
