// Package winfile is about whose the files of a Windows node are: it makes files and
// folders that have their final rights from the moment that they exist, and tells
// who else may read or change what is there.
//
// Make folders with [MkdirAll] and a descriptor for the [Keeper] that they
// are to have, such as [Private], and files below an open folder with [CreateIn]. Look at what is there
// with [Of], and judge it, for the account [Own], with [Descriptor.CheckUnchangeable] or
// [Descriptor.CheckSecret], and the folders above with [CheckFolders]. No function
// follows a reparse point (junction, symbolic link) at the name that it is given, and
// the checks refuse one.
//
// Trusted are the system, the administrators, the agent's service, the installer of Windows, and the own
// account. What an administrator makes is for all administrators, with no entry for a
// person, so that the service, and other administrators, trust it.
//
// The judgement is portable and tested everywhere; the rest works on Windows only.
// Mandatory labels, privileges that override rights (backup, restore, take ownership)
// and shares are not looked at: who has these is an administrator.
package winfile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"poolcert/internal/sddl"
)

// Rights in an entry's mask, [MS-DTYP] 2.4.3 and the file rights of winnt.h. Those of
// folders have the same bits: to add a file is to write data, and so on.
const (
	readData        = 0x1
	writeData       = 0x2
	appendData      = 0x4
	writeEA         = 0x10
	deleteChild     = 0x40
	writeAttributes = 0x100 // also makes a reparse point of an empty folder
	deleteSelf      = 0x10000
	writeDAC        = 0x40000
	writeOwner      = 0x80000
	genericAll      = 0x10000000
	genericWrite    = 0x40000000
	genericRead     = 0x80000000

	// takeOver lets its holder get all other rights.
	takeOver = writeDAC | writeOwner | genericAll

	change = writeData | appendData | writeEA | deleteChild | writeAttributes | deleteSelf | genericWrite | takeOver
	read   = readData | genericRead | takeOver
)

// Flags of an entry.
const inheritOnly = 0x8

// trustedInstaller owns what came with Windows, such as the folders above.
const trustedInstaller sddl.SID = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

// creatorOwner stands for nobody, but in what is inherited.
const creatorOwner sddl.SID = "S-1-3-0"

// An Entry of an access control list.
type Entry struct {
	Deny  bool
	Flags uint8
	Mask  uint32
	To    sddl.SID
}

// A Descriptor says whose a file or folder is, and who may do what with it.
type Descriptor struct {
	Owner     sddl.SID
	Open      bool // it has no access control list: everybody may do everything
	Protected bool // it inherits nothing
	Link      bool // it is a junction, a symbolic link, or another reparse point
	Entries   []Entry
}

// String returns the descriptor in a form of its own, equal for equal ones.
func (d Descriptor) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "owner %s", d.Owner)
	if d.Open {
		b.WriteString(" open")
	}
	if d.Protected {
		b.WriteString(" protected")
	}
	for _, e := range d.Entries {
		kind := "allow"
		if e.Deny {
			kind = "deny"
		}
		fmt.Fprintf(&b, " (%s %#x %#x %s)", kind, e.Flags, e.Mask, e.To)
	}
	return b.String()
}

var (
	// ErrForeign is wrapped when something belongs to an account that is not trusted.
	ErrForeign = errors.New("it belongs to another account")

	// ErrLink is wrapped when something leads elsewhere.
	ErrLink = errors.New("it is a junction or a link")

	// ErrOpen is wrapped when others may do more than they should.
	ErrOpen = errors.New("its access list lets others in")
)

// CheckOwner refuses what belongs to another account than own, the system, the
// administrators, or the installer of Windows: an owner can give itself all rights.
func (d Descriptor) CheckOwner(own sddl.SID) error {
	if !isTrusted(d.Owner, own) {
		return fmt.Errorf("%w (%s)", ErrForeign, name(d.Owner))
	}
	return nil
}

// CheckUnchangeable refuses what others can change, remove or rename.
func (d Descriptor) CheckUnchangeable(own sddl.SID) error { return d.check(own, change, "change it") }

// CheckSecret refuses what others can read, too.
func (d Descriptor) CheckSecret(own sddl.SID) error {
	if err := d.CheckUnchangeable(own); err != nil {
		return err
	}
	return d.check(own, read, "read it")
}

// CheckAbove refuses a folder in which others can exchange what is not theirs. They
// may add to it. Of the root of a volume, nothing can be the name.
func (d Descriptor) CheckAbove(own sddl.SID, volumeRoot bool) error {
	mask := uint32(deleteChild | takeOver)
	if !volumeRoot {
		mask |= deleteSelf
	}
	return d.check(own, mask, "exchange what is in it")
}

// CheckMine refuses what this account, whose keeper is given, has not made for itself:
// nothing else may be removed for being left over.
func (d Descriptor) CheckMine(own, keeper sddl.SID) error {
	if d.Owner != own && d.Owner != keeper {
		return fmt.Errorf("%w (%s)", ErrForeign, name(d.Owner))
	}
	return d.CheckSecret(own)
}

func (d Descriptor) check(own sddl.SID, mask uint32, verb string) error {
	if d.Link {
		return ErrLink
	}
	if err := d.CheckOwner(own); err != nil {
		return err
	}
	if others := d.others(mask, own); len(others) > 0 {
		return fmt.Errorf("%w: %s can %s", ErrOpen, strings.Join(others, ", "), verb)
	}
	return nil
}

// others names who may do something of mask, beside own and those whom CheckOwner
// trusts. Deny entries count for nothing: whom they leave out is seldom all.
func (d Descriptor) others(mask uint32, own sddl.SID) []string {
	if d.Open {
		return []string{name(sddl.Everyone)}
	}
	var others []string
	for _, e := range d.Entries {
		if e.Deny || e.Flags&inheritOnly != 0 || e.Mask&mask == 0 || isTrusted(e.To, own) || e.To == sddl.OwnerRights || e.To == creatorOwner {
			continue
		}
		if n := name(e.To); !slices.Contains(others, n) {
			others = append(others, n)
		}
	}
	return others
}

// Exceeds names who may do anything but those whom want has, and those whom
// CheckOwner trusts: what Windows made of a descriptor may be less, and never more.
func (d Descriptor) Exceeds(own sddl.SID, want []sddl.SID) []string {
	d.Entries = slices.DeleteFunc(slices.Clone(d.Entries), func(e Entry) bool { return slices.Contains(want, e.To) })
	return d.others(0xffffffff, own)
}

func isTrusted(sid, own sddl.SID) bool {
	return sid == own || sid == sddl.System || sid == sddl.Administrators || sid == sddl.Agent || sid == trustedInstaller
}

// name is what people know an account by, where it has the same name everywhere.
func name(sid sddl.SID) string {
	switch sid {
	case sddl.Everyone:
		return "Everyone"
	case sddl.Users:
		return `BUILTIN\Users`
	case sddl.AuthenticatedUsers:
		return "Authenticated Users"
	case "":
		return "nobody"
	}
	return string(sid)
}
