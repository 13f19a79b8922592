package localsock

import (
	"errors"

	"poolcert/internal/sddl"
)

// A token is what Windows says of a client's rights.
type token struct {
	User       member
	Groups     []member
	Restricted bool // all rights are needed by a second list, too, as in a sandbox
	Container  bool // of an app, which has less rights than its user
}

// A member is a user or group in a token, with its SE_GROUP flags.
type member struct {
	SID   sddl.SID
	Flags uint32
}

// Flags of a member, winnt.h.
const (
	groupEnabled  = 0x4
	groupDenyOnly = 0x10 // for refusals only
)

// counts tells whether the process has what the group may. In others, it is by name
// only, as an administrator is in Administrators who was not asked for consent.
func (m member) counts() bool { return m.Flags&groupEnabled != 0 && m.Flags&groupDenyOnly == 0 }

// caller returns what counts for access, or why nothing does.
func (t *token) caller() (Caller, error) {
	switch {
	case t.User.SID == "":
		return Caller{}, errors.New("the client's token names no user")
	case t.User.Flags&groupDenyOnly != 0:
		return Caller{}, errors.New("the client's user is one for refusals only")
	case t.Restricted:
		return Caller{}, errors.New("the client's token is restricted, as in a sandbox")
	case t.Container:
		return Caller{}, errors.New("the client's token is an app container's")
	}
	c := Caller{SID: t.User.SID}
	for _, g := range t.Groups {
		if g.counts() {
			c.GroupSIDs = append(c.GroupSIDs, g.SID)
		}
	}
	return c, nil
}
