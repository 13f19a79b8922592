package localsock

import (
	"context"
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

func checkPath(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not an absolute path", path)
	}
	if len(filepath.Clean(path)) > maxPath {
		return fmt.Errorf("the path is too long: a socket's may have %d bytes", maxPath)
	}
	return nil
}

const errQueue = syscall.EAGAIN // says that it is full

func dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

func listen(path string, opts Options) (net.Listener, error) {
	path = filepath.Clean(path)
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := makeFree(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: private}
	nl, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	l := nl.(*net.UnixListener)
	l.SetUnlinkOnClose(false) // it does not look whose socket it is
	info, err := os.Lstat(path)
	if err == nil {
		err = os.Chmod(path, opts.Mode) // which lets others connect
	}
	if err != nil {
		os.Remove(path)
		l.Close()
		return nil, err
	}
	return &listener{UnixListener: l, path: path, info: info}, nil
}

// private makes a socket be born with mode 0600: Linux gives it at bind the mode
// that its descriptor has, less the umask.
func private(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), 0o600) })
	return errors.Join(err, failed)
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

// makeFree removes a socket on which no one answers any more.
func makeFree(path string) error {
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
	if errors.Is(err, syscall.ECONNREFUSED) {
		return os.Remove(path)
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
