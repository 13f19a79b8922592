package winfile

import "poolcert/internal/sddl"

// A group is one of a token's.
type group struct {
	sid        sddl.SID
	attributes uint32
}

// mayOwn is of a group whose members' files it may own: SE_GROUP_ENABLED and
// SE_GROUP_OWNER, winnt.h. An administrator who was not asked for consent has
// Administrators for refusals only: SE_GROUP_USE_FOR_DENY_ONLY.
const (
	mayOwn       = 0x4 | 0x8
	refusalsOnly = 0x10
)

// keeperOf returns whom what user makes with such a token is for.
func keeperOf(user sddl.SID, groups []group) sddl.SID {
	for _, g := range groups {
		if g.sid == sddl.Administrators && g.attributes&(mayOwn|refusalsOnly) == mayOwn {
			return sddl.Administrators
		}
	}
	return user
}
