package localsock

import (
	"errors"
	"fmt"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"poolcert/internal/osuser"
)

// What a [Caller] is, and who is called root.
const (
	hasUIDs   = true
	superuser = "root"
	isFile    = true
)

func ownUser() osuser.ID { return osuser.ID{Number: uint32(os.Geteuid())} }

// errHidden: in this process's user namespace, a container's, the other end's user
// has no id.
var errHidden = errors.New("it is a user whom this user namespace does not show")

// checkPeer tells whether who listens is trusted.
func checkPeer(conn net.Conn, path string) error {
	peer, err := CallerOf(conn) // works in both directions
	if errors.Is(err, errHidden) {
		if err = checkWay(path); err != nil {
			err = fmt.Errorf("%w, as far as this user namespace shows: %w", ErrUntrusted, err)
		}
	} else if err == nil && !peer.IsTrusted() {
		err = fmt.Errorf("%w but uid %d", ErrUntrusted, peer.UID)
	}
	return err
}

func callerOf(conn net.Conn) (c Caller, err error) {
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return c, errors.New("not a local socket")
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return c, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); failed != nil {
			return
		}
		c = Caller{UID: cred.Uid, GID: cred.Gid, PID: cred.Pid}
		c.Groups, failed = peerGroups(fd)
	})
	if err == nil {
		err = failed
	}
	hidden, some := hiddenUID()
	switch {
	case err != nil:
	case c.UID == ^uint32(0):
		err = errors.New("the kernel does not know")
	case some && c.UID == hidden:
		err = errHidden
	}
	if gid, some := hiddenGID(); some && c.GID == gid {
		c.GID = ^uint32(0) // no one's
	}
	c.Groups = withoutHidden(c.Groups)
	return c, err
}

// peerGroups reads SO_PEERGROUPS (Linux 4.13): the supplementary groups that the
// kernel recorded beside SO_PEERCRED. /proc/PID/status would tell those of
// whichever process has the id now.
func peerGroups(fd uintptr) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == unix.ERANGE && int(size) > len(groups)*4 && size <= maxGroups*4:
			groups = make([]uint32, size/4)
		case errno != 0:
			return nil, errno
		default:
			return groups[:size/4], nil
		}
	}
}

// maxGroups is NGROUPS_MAX of Linux.
const maxGroups = 65536
