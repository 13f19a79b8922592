package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
	"poolcert/internal/sddl"
	"poolcert/store"
)

const (
	aliceSID = sddl.SID("S-1-5-21-1-2-3-1001")
	tasksSID = sddl.SID("S-1-5-21-1-2-3-2001")
	otherSID = sddl.SID("S-1-5-21-1-2-3-2002")
)

// On Windows, rules name SIDs. This is how they decide, on every system.
func TestAccessBySID(t *testing.T) {
	a := access{
		batch.Task: accessRule{
			users:  []named{{osuser.ID{SID: aliceSID}, `user NODE\alice`}},
			groups: []named{{osuser.ID{SID: tasksSID}, "group poolcert-task"}},
			names:  []string{`user NODE\alice`, "group poolcert-task"},
		},
		batch.StartTask:  accessRule{groups: []named{{osuser.ID{SID: sddl.Administrators}, "group S-1-5-32-544"}}},
		batch.RemoteUser: accessRule{uids: []uidRange{{0, 1 << 31}}, groups: []named{{osuser.ID{Number: 0}, "group 0"}}},
	}
	all := batch.Visibilities()
	for name, test := range map[string]struct {
		caller localsock.Caller
		want   []batch.Visibility
		by     string
	}{
		"the system":           {localsock.Caller{SID: sddl.System}, all, superuser},
		"administrator":        {localsock.Caller{SID: aliceSID, GroupSIDs: []sddl.SID{sddl.Administrators}}, all, superuser},
		"user":                 {localsock.Caller{SID: aliceSID}, []batch.Visibility{batch.Task}, `user NODE\alice`},
		"group":                {localsock.Caller{SID: otherSID, GroupSIDs: []sddl.SID{sddl.Users, tasksSID}}, []batch.Visibility{batch.Task}, "group poolcert-task"},
		"group as a user":      {localsock.Caller{SID: tasksSID}, nil, "it is for"},
		"user as a group":      {localsock.Caller{SID: otherSID, GroupSIDs: []sddl.SID{aliceSID}}, nil, "it is for"},
		"stranger":             {localsock.Caller{SID: otherSID, GroupSIDs: []sddl.SID{sddl.Users, sddl.Everyone}}, nil, `it is for user NODE\alice, group poolcert-task, ` + superuser},
		"the service's number": {localsock.Caller{SID: sddl.NetworkService}, nil, "it is for"},
	} {
		if got := a.visible(test.caller); !slices.Equal(got, test.want) {
			t.Errorf("%s: visible = %v, want %v", name, got, test.want)
		}
		for _, e := range a.explain(test.caller) {
			if e.Visibility == batch.Task && (e.Allowed != slices.Contains(test.want, batch.Task) || !strings.HasPrefix(e.Rule, test.by)) {
				t.Errorf("%s: %+v, want %q", name, e, test.by)
			}
		}
	}
	g := &gate{access: &accessList{config: DefaultConfig(), current: a}}
	_, err := g.authorize(t.Context(), localsock.Caller{SID: otherSID})
	if want := "user " + string(otherSID) + " is none of those who may use certificates on this node"; !errors.Is(err, local.ErrNotAllowed) || !strings.Contains(fmt.Sprint(err), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestOwnerBySID(t *testing.T) {
	sid := func(s sddl.SID) []osuser.ID { return []osuser.ID{{SID: s}} }
	ids := ownerIDs{user: sid(aliceSID), group: sid(tasksSID), groups: append(sid(otherSID), sid(tasksSID)...)}
	want := store.NewSIDs(aliceSID, otherSID, tasksSID)
	if got := ids.owner(); got.SIDs != want || got.ACL != "" {
		t.Errorf("got %+v, want %s", got, want)
	}
}

// What Windows does not have is refused there, and nowhere else.
func TestAccessOfAnotherSystem(t *testing.T) {
	for _, test := range []struct {
		access AccessConfig
		want   string
	}{
		{AccessConfig{UIDs: []string{"1000"}}, "uids: Windows has no numbers"},
		{AccessConfig{Cgroups: []string{"/system.slice/x"}}, "cgroups: Windows has no control groups"},
		{AccessConfig{Users: []string{"alice"}, Groups: []string{"tasks"}}, ""},
	} {
		if err := test.access.checkSystem(false); (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%+v: error %v, want %q", test.access, err, test.want)
		}
		if err := test.access.checkSystem(true); err != nil {
			t.Errorf("%+v on Unix: error %v", test.access, err)
		}
	}
}

// The status is for administrators and the agent's own user.
func TestStatusCallersBySID(t *testing.T) {
	for name, test := range map[string]struct {
		caller localsock.Caller
		want   int
	}{
		"the system":    {localsock.Caller{SID: sddl.System}, http.StatusOK},
		"administrator": {localsock.Caller{SID: aliceSID, GroupSIDs: []sddl.SID{sddl.Administrators}}, http.StatusOK},
		"stranger":      {localsock.Caller{SID: aliceSID, GroupSIDs: []sddl.SID{sddl.Users}}, http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodGet, statusPath, nil)
		r = r.WithContext(localsock.NewContext(r.Context(), test.caller, nil))
		w := httptest.NewRecorder()
		l := &life{status: func() *Status { return &Status{} }}
		if l.handler().ServeHTTP(w, r); w.Code != test.want {
			t.Errorf("%s: status %d, %s, want %d", name, w.Code, w.Body, test.want)
		}
	}
}

func TestAuditLineBySID(t *testing.T) {
	u := local.Use{
		Time:      time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		Caller:    localsock.Caller{SID: aliceSID, GroupSIDs: []sddl.SID{tasksSID}, PID: 7, Process: localsock.Process{Executable: `C:\a.exe`}},
		Operation: "unwrap", Form: "cms", Result: "not-allowed",
	}
	const want = `{"time":"2026-11-23T12:00:00Z","sid":"S-1-5-21-1-2-3-1001","pid":7,"executable":"C:\\a.exe","operation":"unwrap","form":"cms","result":"not-allowed"}`
	if got, err := json.Marshal(auditLineOf(u)); err != nil || string(got) != want {
		t.Errorf("got  %s, error %v\nwant %s", got, err, want)
	}
}
