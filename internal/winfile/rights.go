package winfile

import (
	"slices"
	"strings"

	"poolcert/internal/sddl"
)

// Private is the descriptor of a folder that nobody but the keeper, the system and the
// administrators may enter, with all that will be made in it.
func Private(keeper sddl.SID) string { return Shared(keeper) }

// PrivateFile is that of a file.
func PrivateFile(keeper sddl.SID) string { return SharedFile(keeper) }

// Passable is that of a folder that all users may list and pass through. What is made
// in it is private, unless it has a descriptor of its own.
func Passable(keeper sddl.SID) string { return Shared(keeper, sddl.Users) }

// Shared is that of a folder that readers may list and pass through.
func Shared(keeper sddl.SID, readers ...sddl.SID) string {
	return Owner(keeper) + sddl.Protected(append(keepers(keeper, true), entries(sddl.FileRead+sddl.FileExecute, readers)...)...)
}

// SharedFile is that of a file that readers may read.
func SharedFile(keeper sddl.SID, readers ...sddl.SID) string {
	return Owner(keeper) + sddl.Protected(append(keepers(keeper, false), entries(sddl.FileRead, readers)...)...)
}

// Owner is the part of a descriptor that says whose it is, where that may be another
// one than the account that makes it.
func Owner(keeper sddl.SID) string {
	if keeper == sddl.Administrators {
		return "O:" + string(keeper)
	}
	return ""
}

// keepers may do everything.
func keepers(keeper sddl.SID, inherit bool) []sddl.Entry {
	list := entries(sddl.FileAll, slices.Compact([]sddl.SID{sddl.System, sddl.Administrators, keeper}))
	if keeper == sddl.System {
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
