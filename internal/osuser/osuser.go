// Package osuser finds users and groups of the system by name: on Unix in the
// system's files and then by getent, as LDAP and SSSD have them; on Windows as the
// local security authority knows them, with those of the domain.
//
// Call [User] and [Group] for an [ID], [Find] for all that a process needs to run as
// a user. [CheckName] tells without a look what cannot be a name.
//
// Promises. No call takes longer than some seconds, whatever a directory service
// does; while one is silent, it is not asked again for half a minute. What it said
// before counts for a day: a directory that is away, or starts anew, takes nobody's
// access from him.
//
// An answer is true when it is given. Do not keep it: names change hands.
package osuser

import (
	"errors"
	"fmt"
	"time"

	"poolcert/internal/sddl"
)

// An ID is that of a user or group: a number on Unix, a SID on Windows. IDs compare
// with ==. The zero value is root.
type ID struct {
	Number uint32
	SID    sddl.SID // empty on Unix
}

// Nobody is the ID that no user and no group has.
var Nobody = ID{Number: ^uint32(0)}

func (id ID) String() string {
	if id.SID != "" {
		return string(id.SID)
	}
	return fmt.Sprint(id.Number)
}

// ErrUnknown is wrapped when the system, as far as it can be asked, has no such user
// or group.
var ErrUnknown = errors.New("unknown")

// User returns the ID of a user, by name, or by the ID as text. On Windows, a name without
// a domain is looked for everywhere, but `.\name` on this machine only.
func User(name string) (ID, error) { return lookupUser(name) }

// Group is User for groups.
func Group(name string) (ID, error) { return lookupGroup(name) }

// IsID tells whether text is an ID, and no name.
func IsID(text string) bool { return isID(text) }

// CheckName refuses what can be neither name nor ID.
func CheckName(name string) error { return checkName(name) }

// An Account is what a process needs to run as a user of Unix.
type Account struct {
	Name     string
	Home     string
	UID, GID uint32
}

// Find returns the account of a user of Unix, by name, or by number as text. Elsewhere it
// fails with [errors.ErrUnsupported].
func Find(name string) (*Account, error) { return find(name) }

// Groups returns the numbers of all groups of the user that [Find] found.
func (a *Account) Groups() ([]uint32, error) { return a.groups() }

// Forget drops all answers, also those that outlast a silent directory. It is for tests.
func Forget() { forget() }

const (
	answerTime  = 4 * time.Second  // that a directory may take: an agent that stops may wait for it
	knownTime   = 10 * time.Minute // that an answer counts
	unknownTime = 30 * time.Second // that it counts when there is no such name, or no answer
	keptTime    = 24 * time.Hour   // that an answer counts at most when none follows it
)

var errNoReply = fmt.Errorf("the name services did not answer in %v", answerTime)
