package osuser

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
)

func lookupUser(name string) (ID, error) { return lookup("user", name) }

func lookupGroup(name string) (ID, error) { return lookup("group", name) }

// lookup finds an account by its SID or by its name: DOMAIN\name, name@domain, .\name of
// this machine, or a name alone, which is looked for on this machine first, and then in
// all domains.
func lookup(kind, name string) (ID, error) {
	if sddl.IsSID(name) {
		return ID{SID: sddl.SID(name)}, nil
	}
	if err := checkName(name); err != nil {
		return Nobody, err
	}
	found, err := authority.lookup(name)
	switch {
	case errors.Is(err, windows.ERROR_NONE_MAPPED):
		return Nobody, fmt.Errorf("%w %s %s", ErrUnknown, kind, name)
	case err != nil:
		return Nobody, fmt.Errorf("%w %s %s (%w)", ErrUnknown, kind, name, err)
	}
	if !found.isOf(kind) {
		return Nobody, fmt.Errorf("%s is no %s", name, kind)
	}
	return ID{SID: found.sid}, nil
}

// A found account has a kind.
type found struct {
	sid  sddl.SID
	kind uint32
}

// isOf tells whether the account is a user, or a group. Accounts of services count as
// both: the system has them as well-known groups, which also are users.
func (f found) isOf(kind string) bool {
	switch f.kind {
	case windows.SidTypeUser, windows.SidTypeComputer:
		return kind == "user"
	case windows.SidTypeGroup, windows.SidTypeAlias:
		return kind == "group"
	case windows.SidTypeWellKnownGroup:
		return true
	}
	return false
}

func lookupAccount(name string) (found, error) {
	if strings.HasPrefix(name, localPrefix) {
		computer, err := windows.ComputerName()
		if err != nil {
			return found{}, fmt.Errorf("ask for this computer's name: %w", err)
		}
		name = qualified(name, computer)
	}
	sid, _, kind, err := windows.LookupSID("", name)
	if err != nil {
		return found{}, err
	}
	return found{sddl.SID(sid.String()), kind}, nil
}

func isID(text string) bool { return sddl.IsSID(text) }

func checkName(name string) error {
	switch {
	case sddl.IsSID(name):
		return nil
	case strings.HasPrefix(strings.ToUpper(name), "S-1-"):
		return fmt.Errorf("%q is no SID, such as S-1-5-32-545", name)
	case name == "" || len(name) > 512 || strings.TrimSpace(name) != name || strings.Count(name, `\`) > 1 ||
		strings.HasPrefix(name, `\`) || strings.HasSuffix(name, `\`) ||
		strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsAny(name, `"/[]:;|=,+*?<>`):
		return fmt.Errorf(`%q is no name of a user or group, such as 'DOMAIN\name'`, name)
	}
	return nil
}

func find(name string) (*Account, error) {
	return nil, fmt.Errorf("find user %s: %w on Windows", name, errors.ErrUnsupported)
}

func (a *Account) groups() ([]uint32, error) {
	return nil, fmt.Errorf("groups of user %s: %w on Windows", a.Name, errors.ErrUnsupported)
}
