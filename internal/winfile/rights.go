package winfile

import (
	"slices"
	"strings"

	"poolcert/internal/sddl"
)

// Private is the descriptor of a folder that nobody but own, the system and the
// administrators may enter, with all that will be made in it.
func Private(own sddl.SID) string { return sddl.Protected(keepers(own, true)...) }

// PrivateFile is that of a file.
func PrivateFile(own sddl.SID) string { return sddl.Protected(keepers(own, false)...) }

// Passable is that of a folder that all users may list and pass through. What is made
// in it is private, unless it has a descriptor of its own.
func Passable(own sddl.SID) string { return Shared(own, sddl.Users) }

// Shared is that of a folder that readers may list and pass through.
func Shared(own sddl.SID, readers ...sddl.SID) string {
	return sddl.Protected(append(keepers(own, true), entries(sddl.FileRead+sddl.FileExecute, readers)...)...)
}

// SharedFile is that of a file that readers may read.
func SharedFile(own sddl.SID, readers ...sddl.SID) string {
	return sddl.Protected(append(keepers(own, false), entries(sddl.FileRead, readers)...)...)
}

// keepers may do everything.
func keepers(own sddl.SID, inherit bool) []sddl.Entry {
	list := entries(sddl.FileAll, slices.Compact([]sddl.SID{sddl.System, sddl.Administrators, own}))
	if own == sddl.System {
		list = list[:2]
	}
	for i := range list {
		list[i].Inherit = inherit
	}
	return list
}

func entries(rights string, sids []sddl.SID) []sddl.Entry {
	var list []sddl.Entry
	for _, sid := range sids {
		list = append(list, sddl.Entry{Rights: rights, To: sid})
	}
	return list
}

// Named returns whom a descriptor of this package, or of package sddl, allows something.
func Named(rights string) []sddl.SID {
	var sids []sddl.SID
	for part := range strings.SplitSeq(rights, ";;;") {
		if sid, _, ok := strings.Cut(part, ")"); ok && sddl.IsSID(sid) {
			sids = append(sids, sddl.SID(sid))
		}
	}
	return sids
}
