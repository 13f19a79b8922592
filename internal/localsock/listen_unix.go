//go:build unix

package localsock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// maxPath is in bytes: sun_path of Linux, without its final zero.
const maxPath = 107

// answerTime is how long a socket that accepts may take to say so. The kernel
// accepts for it, so that more is needed only on a very busy machine.
const answerTime = 2 * time.Second

func dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

func listen(path string, opts Options) (net.Listener, error) {
	path = filepath.Clean(path)
	folder := filepath.Dir(path)
	if err := checkFolder(folder); err != nil {
		return nil, err
	}
	if err := checkFree(path); err != nil {
		return nil, err
	}

	// Bound in a private folder, the socket takes its path only when no more
	// than the mode says may connect.
	private := filepath.Join(folder, ".s"+rand.Text()[:8])
	if len(path) > maxPath || len(private)+2 > maxPath {
		return nil, fmt.Errorf("the path is too long: a socket in this folder may have %d bytes", maxPath-12)
	}
	if err := os.Mkdir(private, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(private, "s"), Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it knows the private name only
	info, err := publish(l.Addr().String(), path, opts)
	if err != nil {
		l.Close()
		return nil, err
	}
	return &listener{UnixListener: l, path: path, info: info}, nil
}

// publish gives the socket at private its owner and mode, then its path.
func publish(private, path string, opts Options) (fs.FileInfo, error) {
	if opts.Owner != nil {
		if err := os.Chown(private, opts.Owner.UID, opts.Owner.GID); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(private, opts.Mode); err != nil {
		return nil, err
	}
	info, err := os.Lstat(private)
	if err != nil {
		return nil, err
	}
	return info, os.Rename(private, path)
}

// checkFolder tells whether only root and this process's user may exchange what
// is in the folder.
func checkFolder(folder string) error {
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || !info.IsDir():
		return errors.New("its folder is not a real folder")
	case st.Uid != 0 && int(st.Uid) != os.Geteuid():
		return fmt.Errorf("its folder belongs to uid %d, not to root or this process's user", st.Uid)
	case info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0:
		return fmt.Errorf("others may write its folder (mode %#o)", info.Mode().Perm())
	}
	return nil
}

// checkFree tells whether there is nothing at path, or a socket on which no one
// answers any more.
func checkFree(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is something else than a socket")
	}
	conn, err := net.DialTimeout("unix", path, answerTime)
	if err == nil {
		conn.Close()
		return ErrInUse
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	// Such as a full queue: someone is there.
	return fmt.Errorf("%w, or may: %w", ErrInUse, err)
}

// A listener removes its socket when closed.
type listener struct {
	*net.UnixListener
	path string
	info fs.FileInfo
	once sync.Once
}

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close removes the socket before it stops listening, so that no one finds a
// socket on which no one answers.
func (l *listener) Close() error {
	l.once.Do(func() {
		if info, err := os.Lstat(l.path); err == nil && os.SameFile(info, l.info) {
			os.Remove(l.path)
		}
	})
	return l.UnixListener.Close()
}
