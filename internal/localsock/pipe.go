package localsock

import (
	"fmt"
	"io/fs"
	"net"
	"strings"
	"unicode/utf16"

	"poolcert/internal/sddl"
)

// pipePrefix is of pipes of this machine. Those of others begin with their names.
const pipePrefix = `\\.\pipe\`

// maxPipe is in UTF-16 units, with the prefix.
const maxPipe = 256

// checkPipe refuses what is not the path of a pipe of this machine.
func checkPipe(path string) error {
	name, ok := strings.CutPrefix(path, pipePrefix)
	switch {
	case !ok || name == "":
		return &net.AddrError{Addr: path, Err: `no named pipe of this machine, such as '\\.\pipe\poolcert-agent'`}
	case strings.ContainsAny(name, "\\/\x00"):
		return &net.AddrError{Addr: fmt.Sprintf("%q", path), Err: "no slash, and no zero, may be in a pipe's name"}
	case len(utf16.Encode([]rune(path))) > maxPipe:
		return &net.AddrError{Addr: path, Err: fmt.Sprintf("too long: a pipe's path may have %d characters", maxPipe)}
	}
	return nil
}

// pipeSecurity is the security descriptor of a pipe of user own, that belongs to
// owner. Whoever may make
// further instances of a pipe can pose as its service: those are own, the system and
// the administrators. Others may connect, if at all.
//
// That somebody logged on over the network is no reason to refuse: so have the tasks
// of some schedulers, and administrators by WinRM and SSH. Clients on other machines
// are refused by a flag of the pipe.
func pipeSecurity(owner, own sddl.SID, mode fs.FileMode) string {
	entries := []sddl.Entry{
		{Rights: sddl.GenericAll, To: sddl.System},
		{Rights: sddl.GenericAll, To: sddl.Administrators},
	}
	if own != sddl.System {
		entries = append(entries, sddl.Entry{Rights: sddl.GenericAll, To: own})
	}
	if mode&0o002 != 0 {
		entries = append(entries, sddl.Entry{Rights: sddl.PipeConnect, To: sddl.AuthenticatedUsers})
	}
	return "O:" + string(owner) + sddl.Protected(entries...)
}

// isTrustedOwner tells whether a pipe of that owner is one for clients of user own.
// Nobody can give an object another owner than itself and, as an administrator, all
// administrators.
func isTrustedOwner(owner, own sddl.SID) bool {
	return owner != "" && (owner == own || owner == sddl.System || owner == sddl.Administrators || owner == sddl.Agent)
}
