package localsock

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/internal/osuser"
	"poolcert/internal/sddl"
)

// What a [Caller] is, and who is called root.
const (
	hasUIDs   = false
	superuser = "the system, an administrator, the service " + serviceName
)

var ownUser = sync.OnceValue(func() osuser.ID {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return osuser.Nobody
	}
	return osuser.ID{SID: sddl.SID(user.User.Sid.String())}
})

// ownOwner is whom our pipes belong to: this process's user, or the administrators, if
// it is an administrator's.
func ownOwner() (sddl.SID, error) {
	own := ownUser().SID
	if own == sddl.System {
		return own, nil
	}
	groups, err := windows.GetCurrentProcessToken().GetTokenGroups()
	if err != nil {
		return "", fmt.Errorf("read this process's groups: %w", err)
	}
	const mayOwn = windows.SE_GROUP_ENABLED | windows.SE_GROUP_OWNER
	for _, g := range groups.AllGroups() {
		if g.Attributes&mayOwn == mayOwn && sddl.SID(g.Sid.String()) == sddl.Administrators {
			return sddl.Administrators, nil
		}
	}
	return own, nil
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
		token, err := clientToken(handle)
		if err != nil {
			return err
		}
		defer token.Close()
		if c, err = callerWith(token); err != nil {
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

// callerWith reads what counts for access from a token.
func callerWith(token windows.Token) (c Caller, err error) {
	user, err := token.GetTokenUser()
	if err != nil {
		return c, fmt.Errorf("read the user of the client's token: %w", err)
	}
	if user.User.Attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY != 0 {
		return c, errors.New("the client's user is one for refusals only")
	}
	groups, err := token.GetTokenGroups()
	if err != nil {
		return c, fmt.Errorf("read the groups of the client's token: %w", err)
	}
	if restricted, err := isRestricted(token); err != nil || restricted {
		return c, errors.Join(errors.New("the client's token is restricted, as in a sandbox"), err)
	}
	c.SID, c.GroupSIDs = sddl.SID(user.User.Sid.String()), enabled(groups.AllGroups())
	return c, nil
}

// enabled returns the groups that count. In others, the process is by name only, as an
// administrator is in Administrators who was not asked for consent.
func enabled(groups []windows.SIDAndAttributes) (sids []sddl.SID) {
	for _, g := range groups {
		if g.Attributes&windows.SE_GROUP_ENABLED != 0 && g.Attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY == 0 {
			sids = append(sids, sddl.SID(g.Sid.String()))
		}
	}
	return sids
}

// isRestricted tells whether a token has a second list of users and groups, all of
// whose rights are needed, too; or is one of an app container, which has less rights than
// its user.
func isRestricted(token windows.Token) (bool, error) {
	var size uint32
	data := make([]byte, 4096)
	err := windows.GetTokenInformation(token, windows.TokenRestrictedSids, &data[0], uint32(len(data)), &size)
	if errors.Is(err, windows.ERROR_INVALID_FUNCTION) {
		return false, nil // Wine knows no such tokens; Windows always did
	}
	if err != nil {
		return false, err
	}
	if (*windows.Tokengroups)(unsafe.Pointer(&data[0])).GroupCount > 0 {
		return true, nil
	}
	const tokenIsAppContainer = 29
	var container uint32
	err = windows.GetTokenInformation(token, tokenIsAppContainer, (*byte)(unsafe.Pointer(&container)), uint32(unsafe.Sizeof(container)), &size)
	return container != 0, err
}
