package localsock

import (
	"slices"
	"strings"
	"testing"

	"poolcert/internal/sddl"
)

const (
	alice = sddl.SID("S-1-5-21-1-2-3-1001")

	mandatory = 0x7 // of usual groups: mandatory, enabled by default, enabled
)

func TestTokenCaller(t *testing.T) {
	groups := []member{
		{sddl.Users, mandatory},
		{sddl.Administrators, groupDenyOnly}, // an administrator without consent
		{sddl.LocalService, groupDenyOnly | groupEnabled},
		{sddl.NetworkService, 0}, // was turned off
		{sddl.Everyone, groupEnabled},
	}
	for name, test := range map[string]struct {
		token token
		err   string
	}{
		"usual":          {token{User: member{SID: alice}, Groups: groups}, ""},
		"restricted":     {token{User: member{SID: alice}, Groups: groups, Restricted: true}, "restricted"},
		"app container":  {token{User: member{SID: alice}, Groups: groups, Container: true}, "app container"},
		"deny only":      {token{User: member{alice, groupDenyOnly}, Groups: groups}, "refusals only"},
		"nobody":         {token{Groups: groups}, "no user"},
		"system, locked": {token{User: member{SID: sddl.System}, Restricted: true}, "restricted"},
	} {
		c, err := test.token.caller()
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) || c.SID != "" || c.GroupSIDs != nil {
				t.Errorf("%s: %+v, error %v, want %q", name, c, err, test.err)
			}
			continue
		}
		if err != nil || c.SID != alice || !slices.Equal(c.GroupSIDs, []sddl.SID{sddl.Users, sddl.Everyone}) || c.IsRoot() {
			t.Errorf("%s: %+v, error %v", name, c, err)
		}
	}
}
