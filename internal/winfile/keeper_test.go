package winfile

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"poolcert/internal/sddl"
)

var (
	enabled    = []group{{sddl.Everyone, 0x7}, {sddl.Administrators, 0xf}}
	unasked    = []group{{sddl.Everyone, 0x7}, {sddl.Administrators, 0x10}} // without consent: for refusals only
	notOwning  = []group{{sddl.Administrators, 0x7}}
	notEnabled = []group{{sddl.Administrators, 0x8}}
	refusing   = []group{{sddl.Administrators, 0x1f}}
)

// An account is a person or a service that makes files, and judges those of others.
type account struct {
	own    sddl.SID
	groups []group
}

var accounts = map[string]account{
	"the service":             {sddl.System, enabled},
	"alice, as administrator": {own, enabled},
	"bob, as administrator":   {other, enabled},
	"alice, not asked":        {own, unasked},
	"bob, not asked":          {other, notOwning},
}

func TestKeeper(t *testing.T) {
	for name, test := range map[string]struct {
		groups []group
		want   sddl.SID
	}{
		"enabled": {enabled, sddl.Administrators}, "not asked": {unasked, own}, "may not own": {notOwning, own},
		"not enabled": {notEnabled, own}, "for refusals, somehow": {refusing, own}, "none": {nil, own},
	} {
		if got := keeperOf(own, test.groups); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// made is what Windows makes of a descriptor of ours, by an account.
func made(t *testing.T, by account, text string) Descriptor {
	t.Helper()
	d := Descriptor{Owner: by.own, Protected: true}
	head, list, ok := strings.Cut(text, "D:P")
	if !ok {
		t.Fatalf("%s is not protected", text)
	}
	if o, ok := strings.CutPrefix(head, "O:"); ok {
		d.Owner = sddl.SID(o)
		// Nobody can make another one the owner than himself, or a group like that.
		if d.Owner != by.own && !slices.ContainsFunc(by.groups, func(g group) bool { return g.sid == d.Owner && g.attributes&mayOwn == mayOwn }) {
			t.Fatalf("Windows refuses %s of %s", text, by.own)
		}
	}
	for part := range strings.SplitSeq(list, "(A;") {
		fields := strings.Split(strings.TrimSuffix(part, ")"), ";")
		if len(fields) != 5 {
			continue
		}
		mask, known := map[string]uint32{"FA": all, "FR": 0x120089, "FRFX": readExecute}[fields[1]]
		if !known {
			t.Fatalf("rights %s", strconv.Quote(fields[1]))
		}
		d.Entries = append(d.Entries, allow(sddl.SID(fields[4]), mask))
	}
	return d
}

// What the service makes, an administrator trusts, and the other way round: who joins is
// a person, and who runs is the system. Others trust only what is their own.
func TestWhoMadeIsTrusted(t *testing.T) {
	for maker, by := range accounts {
		keeper := keeperOf(by.own, by.groups)
		for judge, who := range accounts {
			trusts := by.own == who.own || keeper == sddl.Administrators
			for name, d := range map[string]Descriptor{
				"state": made(t, by, Private(keeper)), "identity.json": made(t, by, PrivateFile(keeper)),
			} {
				if err := d.CheckSecret(who.own); (err == nil) != trusts {
					t.Errorf("%s, by %s, judged by %s: %v", name, maker, judge, err)
				}
			}
			if err := made(t, by, Passable(keeper)).CheckUnchangeable(who.own); (err == nil) != trusts {
				t.Errorf("poolcert, by %s, judged by %s: %v", maker, judge, err)
			}
		}
	}
}

// Left-overs are removed only of what this account has made.
func TestCheckMine(t *testing.T) {
	mine := []Entry{allow(sddl.System, all), allow(sddl.Administrators, all), allow(own, all)}
	for name, test := range map[string]struct {
		d      Descriptor
		keeper sddl.SID
		ok     bool
	}{
		"own":                          {Descriptor{Owner: own, Entries: mine}, own, true},
		"of another":                   {Descriptor{Owner: other, Entries: mine}, own, false},
		"of the administrators":        {Descriptor{Owner: sddl.Administrators, Entries: mine}, own, false},
		"of the administrators, as is": {Descriptor{Owner: sddl.Administrators, Entries: mine}, sddl.Administrators, true},
		"of Windows":                   {Descriptor{Owner: trustedInstaller, Entries: mine}, sddl.Administrators, false},
		"others write":                 {Descriptor{Owner: own, Entries: append(slices.Clone(mine), allow(other, writeData))}, own, false},
		"others read":                  {Descriptor{Owner: own, Entries: append(slices.Clone(mine), allow(other, readData))}, own, false},
		"junction":                     {Descriptor{Owner: own, Entries: mine, Link: true}, own, false},
	} {
		if err := test.d.CheckMine(own, test.keeper); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
