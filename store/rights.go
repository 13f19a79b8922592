package store

import (
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"

	"poolcert/internal/sddl"
)

// Modes of what tasks meet on their way to a file.
const (
	treeMode fs.FileMode = 0o755 // the root, generations, and each generation: names, no secrets
	fileMode fs.FileMode = 0o440 // unless the owner has another one
)

// An Owner says whom the files of a visibility belong to, and who else may read
// them. The zero value is root and root's group. Values compare with ==.
type Owner struct {
	UID, GID int

	// Mode is that of the files: 0400, with or without 0200 (the owner may
	// write) and 0040 (the group may read). Zero means 0440.
	Mode fs.FileMode

	// ACL lists who may read beside these two.
	ACL ACL

	// SIDs lists who may read on Windows, where the rest of an Owner has no
	// meaning. The system, the administrators and this process's user always may.
	SIDs SIDs
}

// SIDs is a list of accounts and groups of Windows, as in
// "S-1-5-32-545,S-1-5-21-1-2-3-1001", in the order of the text. Make it with NewSIDs.
type SIDs string

// NewSIDs returns the list of sids, in any order.
func NewSIDs(sids ...sddl.SID) SIDs {
	sids = slices.Clone(sids)
	slices.Sort(sids)
	var texts []string
	for _, sid := range slices.Compact(sids) {
		texts = append(texts, string(sid))
	}
	return SIDs(strings.Join(texts, ","))
}

// List returns the accounts and groups, or false for a text that NewSIDs does not
// make of sound ones.
func (s SIDs) List() ([]sddl.SID, bool) {
	var sids []sddl.SID
	if s == "" {
		return nil, true
	}
	for text := range strings.SplitSeq(string(s), ",") {
		if !sddl.IsSID(text) {
			return nil, false
		}
		sids = append(sids, sddl.SID(text))
	}
	return sids, NewSIDs(sids...) == s
}

func (o Owner) String() string {
	if o.ACL == "" {
		return fmt.Sprintf("%d:%d", o.UID, o.GID)
	}
	return fmt.Sprintf("%d:%d with ACL %s", o.UID, o.GID, o.ACL)
}

// An ACL is a list of numeric users and groups who may read, as in
// "u:1000:r,g:33:r": users first, each in the order of the numbers. The empty
// text is the empty list. Make it with NewACL.
type ACL string

// NewACL returns the ACL for users and groups, in any order.
func NewACL(users, groups []int) ACL {
	var entries []string
	add := func(kind string, ids []int) {
		ids = slices.Clone(ids)
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			entries = append(entries, fmt.Sprintf("%s:%d:r", kind, id))
		}
	}
	add("u", users)
	add("g", groups)
	return ACL(strings.Join(entries, ","))
}

// ids returns the users and groups, or false for a text that NewACL does not make.
func (a ACL) ids() (users, groups []int, ok bool) {
	if a == "" {
		return nil, nil, true
	}
	for entry := range strings.SplitSeq(string(a), ",") {
		kind, rest, _ := strings.Cut(entry, ":")
		text, isRead := strings.CutSuffix(rest, ":r")
		id, err := strconv.Atoi(text)
		switch {
		case err != nil || !isRead || !isID(id):
			return nil, nil, false
		case kind == "u":
			users = append(users, id)
		default:
			groups = append(groups, id)
		}
	}
	return users, groups, NewACL(users, groups) == a
}

// isID tells whether id is a user or group. -1 is none: to chown it means "as it
// is", in 32 bits too.
func isID(id int) bool { return id >= 0 && uint64(id) < math.MaxUint32 }

// valid tells whether o can be given files.
func (o Owner) valid() bool {
	_, _, ok := o.ACL.ids()
	_, sids := o.SIDs.List()
	return ok && sids && isID(o.UID) && isID(o.GID) && o.Mode&^0o640 == 0 && (o.Mode == 0 || o.Mode&0o400 != 0)
}

// rights are what a file or folder has beside its content.
type rights struct {
	uid, gid int         // -1 to set: as they are
	mode     fs.FileMode // with the kind
	acl      string      // the value of the extended attribute, or ""; on Windows all there is, see rights_windows.go
}

// difference says in words how what is there differs, or "".
func (want rights) difference(got rights) string {
	switch {
	case got.mode.Type() != want.mode.Type():
		return "another kind of file"
	case got.uid != want.uid || got.gid != want.gid:
		return fmt.Sprintf("owner %d:%d, want %d:%d", got.uid, got.gid, want.uid, want.gid)
	case got.mode != want.mode:
		return fmt.Sprintf("mode %v, want %v", got.mode, want.mode)
	case got.acl != want.acl:
		return "access control list changed"
	}
	return ""
}
