package local

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"poolcert/batch"
	"poolcert/internal/localsock"
	"poolcert/internal/sddl"
)

// A caller of Unix has numbers, one of Windows has SIDs, and nobody looks like root
// for want of them.
func TestIdentityJSON(t *testing.T) {
	access := []Access{{Visibility: batch.Task, Allowed: true, Rule: "x"}}
	for want, c := range map[string]localsock.Caller{
		`{"uid":0,"gid":0,"groups":[],"pid":7,"cgroups":[],"access":[{"visibility":"task","allowed":true,"rule":"x"}]}`: {PID: 7},
		`{"uid":1000,"gid":100,"groups":[4],"pid":7,"executable":"/a","cgroups":["/b"],"access":[{"visibility":"task","allowed":true,"rule":"x"}]}`: {
			UID: 1000, GID: 100, Groups: []uint32{4}, PID: 7, Process: localsock.Process{Executable: "/a", Cgroups: []string{"/b"}}},
		`{"sid":"S-1-5-18","groupSids":[],"pid":7,"cgroups":[],"processError":"gone","access":[{"visibility":"task","allowed":true,"rule":"x"}]}`: {
			SID: sddl.System, PID: 7, ProcessErr: errors.New("gone")},
		`{"sid":"S-1-5-21-1-2-3-1001","groupSids":["S-1-5-32-545"],"pid":7,"executable":"C:\\a","cgroups":[],"access":[{"visibility":"task","allowed":true,"rule":"x"}]}`: {
			SID: "S-1-5-21-1-2-3-1001", GroupSIDs: []sddl.SID{sddl.Users}, PID: 7, Process: localsock.Process{Executable: `C:\a`}},
	} {
		identity := identityOf(c, access)
		got, err := json.Marshal(identity)
		if err != nil || string(got) != want {
			t.Errorf("got  %s, error %v\nwant %s", got, err, want)
		}
		var back Identity
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(&back, identity) {
			t.Errorf("read back: %+v, error %v", back, err)
		}
	}
}
