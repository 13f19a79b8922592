package localsock

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/internal/osuser"
	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

// What a [Caller] is, and who is called root.
const (
	hasUIDs   = false
	superuser = "the system, an administrator, the service poolcert-agent"
	isFile    = false
)

func ownUser() osuser.ID {
	own, err := winfile.Own()
	if err != nil {
		return osuser.Nobody
	}
	return osuser.ID{SID: own}
}

func callerOf(conn net.Conn) (Caller, error) {
	p, ok := conn.(*pipe)
	if !ok {
		return Caller{}, errors.New("not a named pipe")
	}
	if p.err == nil && p.caller.SID == "" {
		return Caller{}, errors.New("it is the server")
	}
	return p.caller, p.err
}

// identify asks the kernel for the token of who wrote what was read last. By the id of
// the client's process, it would be that of another one, if a client has handed its
// pipe on and ended, or has set another id, which clients can.
func identify(p *pipe) (c Caller, err error) {
	err = p.control(func(handle windows.Handle) error {
		open, err := clientToken(handle)
		if err != nil {
			return err
		}
		defer open.Close()
		t, err := read(open)
		if err != nil {
			return fmt.Errorf("look at the client's token: %w", err)
		}
		if c, err = t.caller(); err != nil {
			return err
		}
		var pid uint32
		if windows.GetNamedPipeClientProcessId(handle, &pid) == nil {
			c.PID = int32(pid)
		}
		return nil
	})
	if err != nil {
		return Caller{}, err
	}
	return c, nil
}

// clientToken becomes the client for a moment, to look at its token. A client that
// has forbidden this, or has no name, is an error.
func clientToken(handle windows.Handle) (token windows.Token, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := impersonateNamedPipeClient(handle); err != nil {
		return 0, fmt.Errorf("impersonate the client: %w", err)
	}
	defer func() {
		if err := windows.RevertToSelf(); err != nil {
			panic("localsock: this thread stays the client: " + err.Error()) // no code may run like that
		}
	}()
	if err := windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &token); err != nil {
		return 0, fmt.Errorf("open the client's token: %w", err)
	}
	return token, nil
}

// read asks for all that a token says.
func read(open windows.Token) (*token, error) {
	user, err := open.GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("read the user: %w", err)
	}
	groups, err := open.GetTokenGroups()
	if err != nil {
		return nil, fmt.Errorf("read the groups: %w", err)
	}
	t := &token{User: memberOf(user.User)}
	for _, g := range groups.AllGroups() {
		t.Groups = append(t.Groups, memberOf(g))
	}
	var size uint32
	data := make([]uint64, 512)
	err = windows.GetTokenInformation(open, windows.TokenRestrictedSids, (*byte)(unsafe.Pointer(&data[0])), uint32(8*len(data)), &size)
	if errors.Is(err, windows.ERROR_INVALID_FUNCTION) {
		return t, nil // Wine knows neither such tokens nor app containers; Windows always did
	}
	if err != nil {
		return nil, fmt.Errorf("read the restrictions: %w", err)
	}
	t.Restricted = (*windows.Tokengroups)(unsafe.Pointer(&data[0])).GroupCount > 0
	const tokenIsAppContainer = 29
	var container uint32
	err = windows.GetTokenInformation(open, tokenIsAppContainer, (*byte)(unsafe.Pointer(&container)), uint32(unsafe.Sizeof(container)), &size)
	if err != nil {
		return nil, fmt.Errorf("ask for an app container: %w", err)
	}
	t.Container = container != 0
	return t, nil
}

func memberOf(m windows.SIDAndAttributes) member {
	return member{sddl.SID(m.Sid.String()), m.Attributes}
}
