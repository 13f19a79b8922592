package wincrypt_test

import (
	"strings"
	"testing"

	"poolcert/internal/sddl"
	"poolcert/internal/wincrypt"
)

func TestAccessSDDL(t *testing.T) {
	a := wincrypt.Access{Account: "S-1-5-21-1-2-3-1000", Readers: []sddl.SID{"S-1-5-21-9-9-9-5", sddl.Users, sddl.Administrators, sddl.Users}}
	want := "D:P(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)(A;;FA;;;S-1-5-21-1-2-3-1000)(A;;0x80120089;;;S-1-5-21-9-9-9-5)(A;;0x80120089;;;S-1-5-32-545)"
	if got := a.SDDL(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (wincrypt.Access{Account: sddl.System}).SDDL(); got != "D:P(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)" {
		t.Errorf("for the system alone: %s", got)
	}
}

func TestAccessDifference(t *testing.T) {
	const all, read = 0x1F01FF, 0x120089
	a := wincrypt.Access{Account: sddl.System, Readers: []sddl.SID{sddl.Users}}
	sound := []wincrypt.Grant{{To: sddl.System, Mask: all}, {To: sddl.Administrators, Mask: 0x10000000}, {To: sddl.Users, Mask: 0x80120089}}
	for _, test := range []struct {
		name   string
		change func([]wincrypt.Grant) []wincrypt.Grant
		want   string
	}{
		{"sound", func(g []wincrypt.Grant) []wincrypt.Grant { return g }, ""},
		{"as a CSP has it", func(g []wincrypt.Grant) []wincrypt.Grant { g[0].Mask = 0xD01F01FF; return g }, ""},
		{"read of a file", func(g []wincrypt.Grant) []wincrypt.Grant { g[2].Mask = read; return g }, ""},
		{"generic read", func(g []wincrypt.Grant) []wincrypt.Grant { g[2].Mask = 0x80000000; return g }, ""},
		{"reader gone", func(g []wincrypt.Grant) []wincrypt.Grant { return g[:2] }, "S-1-5-32-545 may not use it"},
		{"reader writes", func(g []wincrypt.Grant) []wincrypt.Grant { g[2].Mask |= 0x2; return g }, "S-1-5-32-545 may change it"},
		{"reader gives", func(g []wincrypt.Grant) []wincrypt.Grant { g[2].Mask |= 0x40000; return g }, "S-1-5-32-545 may change it"},
		{"reader all", func(g []wincrypt.Grant) []wincrypt.Grant { g[2].Mask = 0x10000000; return g }, "S-1-5-32-545 may change it"},
		{"everyone", func(g []wincrypt.Grant) []wincrypt.Grant {
			return append(g, wincrypt.Grant{To: sddl.Everyone, Mask: read})
		}, "S-1-1-0 may use it"},
		{"denied", func(g []wincrypt.Grant) []wincrypt.Grant {
			return append(g, wincrypt.Grant{To: sddl.Users, Deny: true})
		}, "S-1-5-32-545 is denied"},
		{"system reads", func(g []wincrypt.Grant) []wincrypt.Grant { g[0].Mask = read; return g }, "S-1-5-18 may not do everything"},
		{"nobody", func([]wincrypt.Grant) []wincrypt.Grant { return nil }, "S-1-5-18 may not do everything"},
	} {
		got := a.Difference(test.change(append([]wincrypt.Grant(nil), sound...)))
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
