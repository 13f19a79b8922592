package wincrypt

import (
	"fmt"
	"slices"
	"strings"

	"poolcert/internal/sddl"
)

// An Access says who may use a private key: the system, the administrators and this
// process's account, fully, and Readers, to decrypt and sign, without changing it.
type Access struct {
	Account sddl.SID
	Readers []sddl.SID
}

// full are those who may do everything with a key.
func (a Access) full() []sddl.SID {
	full := []sddl.SID{sddl.System, sddl.Administrators}
	if a.Account != "" && !slices.Contains(full, a.Account) {
		full = append(full, a.Account)
	}
	return full
}

// readers are those who are not among full, each once.
func (a Access) readers() []sddl.SID {
	readers := slices.Clone(a.Readers)
	slices.Sort(readers)
	return slices.DeleteFunc(slices.Compact(readers), func(s sddl.SID) bool { return slices.Contains(a.full(), s) })
}

// SDDL returns the security descriptor.
func (a Access) SDDL() string {
	var entries []sddl.Entry
	for _, sid := range a.full() {
		entries = append(entries, sddl.Entry{Rights: sddl.FileAll, To: sid})
	}
	for _, sid := range a.readers() {
		entries = append(entries, sddl.Entry{Rights: sddl.KeyRead, To: sid})
	}
	return sddl.Protected(entries...)
}

// Bits of a mask. A key is a file to Windows, which turns generic rights into those
// of files when it likes.
const (
	genericAll  = 0x10000000
	genericRead = 0x80000000
	fileAll     = 0x001F01FF
	fileRead    = 0x00120089
	// What lets one change or delete a key, or give it to others.
	changes = genericAll | 0x40000000 | 0x000D0000 | 0x00000156
)

// Difference says in words how grants, as they were read back, differ from a, or "".
func (a Access) Difference(grants []Grant) string {
	masks := make(map[sddl.SID]uint32)
	for _, g := range grants {
		if g.Deny {
			return fmt.Sprintf("%s is denied", g.To)
		}
		masks[g.To] |= g.Mask
	}
	var wrong []string
	for _, sid := range a.full() {
		if m := masks[sid]; m&genericAll == 0 && m&fileAll != fileAll {
			wrong = append(wrong, fmt.Sprintf("%s may not do everything", sid))
		}
		delete(masks, sid)
	}
	for _, sid := range a.readers() {
		switch m := masks[sid]; {
		case m&changes != 0:
			wrong = append(wrong, fmt.Sprintf("%s may change it", sid))
		case m&genericRead == 0 && m&fileRead != fileRead:
			wrong = append(wrong, fmt.Sprintf("%s may not use it", sid))
		}
		delete(masks, sid)
	}
	for sid, m := range masks {
		if m != 0 {
			wrong = append(wrong, fmt.Sprintf("%s may use it", sid))
		}
	}
	slices.Sort(wrong)
	return strings.Join(wrong, ", ")
}
