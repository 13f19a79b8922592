package winfile

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"poolcert/internal/sddl"
)

const (
	own   sddl.SID = "S-1-5-21-1-2-3-1000"
	other sddl.SID = "S-1-5-21-1-2-3-1001"

	all         = 0x1f01ff
	readExecute = 0x1200a9
	modify      = 0x1301bf
)

func allow(to sddl.SID, mask uint32, flags ...uint8) Entry {
	e := Entry{Mask: mask, To: to}
	for _, f := range flags {
		e.Flags |= f
	}
	return e
}

func TestChecks(t *testing.T) {
	const (
		unchangeable = 1 << iota
		secret
		above
	)
	ours := []Entry{allow(sddl.System, all), allow(sddl.Administrators, all), allow(own, all), allow(sddl.OwnerRights, all), allow(creatorOwner, all, inheritOnly)}
	with := func(more ...Entry) Descriptor {
		return Descriptor{Owner: own, Entries: append(ours[:len(ours):len(ours)], more...)}
	}
	for name, test := range map[string]struct {
		d    Descriptor
		pass int // the checks that it stands
	}{
		"ours":                    {with(), unchangeable | secret | above},
		"of the system":           {Descriptor{Owner: sddl.System, Entries: ours}, unchangeable | secret | above},
		"of the administrators":   {Descriptor{Owner: sddl.Administrators, Entries: ours}, unchangeable | secret | above},
		"of Windows":              {Descriptor{Owner: trustedInstaller, Entries: ours}, unchangeable | secret | above},
		"of the agent's service":  {Descriptor{Owner: sddl.Agent, Entries: ours}, unchangeable | secret | above},
		"the service has it":      {with(allow(sddl.Agent, all)), unchangeable | secret | above},
		"another service has it":  {with(allow(sddl.ServiceSID("other"), all)), 0},
		"of another account":      {Descriptor{Owner: other, Entries: ours}, 0},
		"of nobody":               {Descriptor{Entries: ours}, 0},
		"empty list":              {Descriptor{Owner: own}, unchangeable | secret | above},
		"no list":                 {Descriptor{Owner: own, Open: true}, 0},
		"all users read":          {with(allow(sddl.Users, readExecute)), unchangeable | above},
		"everybody reads":         {with(allow(sddl.Everyone, genericRead)), unchangeable | above},
		"one more reads":          {with(allow(other, readData)), unchangeable | above},
		"one more looks":          {with(allow(other, 0x120080)), unchangeable | secret | above},
		"all users modify":        {with(allow(sddl.AuthenticatedUsers, modify)), 0},
		"all users add":           {with(allow(sddl.Users, writeData|appendData|writeEA|writeAttributes)), above},
		"inherited only":          {with(allow(sddl.Users, all, inheritOnly)), unchangeable | secret | above},
		"inherited and effective": {with(allow(sddl.Users, all, 0x10)), 0},
		"delete":                  {with(allow(other, deleteSelf)), 0},
		"delete children":         {with(allow(other, deleteChild)), 0},
		"set its rights":          {with(allow(other, writeDAC)), 0},
		"take it":                 {with(allow(other, writeOwner)), 0},
		"append":                  {with(allow(other, appendData)), above},
		"make a junction of it":   {with(allow(other, writeAttributes)), above},
		"generic all":             {with(allow(other, genericAll)), 0},
		"junction":                {Descriptor{Owner: own, Entries: ours, Link: true}, 0},
		"deny is no leave":        {with(Entry{Deny: true, Mask: all, To: other}), unchangeable | secret | above},
		"deny does not help":      {with(Entry{Deny: true, Mask: all, To: other}, allow(other, all)), 0},
	} {
		for check, f := range map[int]func() error{
			unchangeable: func() error { return test.d.CheckUnchangeable(own) },
			secret:       func() error { return test.d.CheckSecret(own) },
			above:        func() error { return test.d.CheckAbove(own, false) },
		} {
			err := f()
			if (err == nil) != (test.pass&check != 0) {
				t.Errorf("%s: check %d: error %v", name, check, err)
			}
			if err != nil && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrOpen) && !errors.Is(err, ErrLink) {
				t.Errorf("%s: error %v wraps none", name, err)
			}
		}
	}
	if err := with(allow(other, modify)).CheckAbove(own, true); err != nil {
		t.Errorf("the root of a volume that others may modify: %v", err)
	}
	err := with(allow(sddl.Everyone, modify), allow(other, all), allow(sddl.Everyone, all)).CheckUnchangeable(own)
	if err == nil || !strings.Contains(err.Error(), "Everyone, "+string(other)+" can change it") {
		t.Errorf("the error says %v", err)
	}
}

func TestExceeds(t *testing.T) {
	d := Descriptor{Owner: own, Entries: []Entry{allow(own, all), allow(sddl.Users, readData), allow(other, 0x80)}}
	if got := d.Exceeds(own, []sddl.SID{sddl.Users, other}); len(got) > 0 {
		t.Errorf("all are wanted, and %v are too many", got)
	}
	if got := d.Exceeds(own, []sddl.SID{sddl.Users}); len(got) != 1 || got[0] != string(other) {
		t.Errorf("got %v, want %s", got, other)
	}
	if len(d.Entries) != 3 {
		t.Error("the descriptor changed")
	}
}

func TestString(t *testing.T) {
	d := Descriptor{Owner: own, Protected: true, Entries: []Entry{allow(other, 0x1, 0x3), {Deny: true, Mask: 2, To: sddl.Users}}}
	const want = "owner S-1-5-21-1-2-3-1000 protected (allow 0x3 0x1 S-1-5-21-1-2-3-1001) (deny 0x0 0x2 S-1-5-32-545)"
	if got := d.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRights(t *testing.T) {
	for name, test := range map[string]struct{ got, want string }{
		"private":          {Private(own), "D:P(A;OICI;FA;;;S-1-5-18)(A;OICI;FA;;;S-1-5-32-544)(A;OICI;FA;;;S-1-5-21-1-2-3-1000)"},
		"private, system":  {Private(sddl.System), "D:P(A;OICI;FA;;;S-1-5-18)(A;OICI;FA;;;S-1-5-32-544)"},
		"private, admins":  {Private(sddl.Administrators), "O:S-1-5-32-544D:P(A;OICI;FA;;;S-1-5-18)(A;OICI;FA;;;S-1-5-32-544)"},
		"private file":     {PrivateFile(own), "D:P(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)(A;;FA;;;S-1-5-21-1-2-3-1000)"},
		"passable":         {Passable(sddl.System), "D:P(A;OICI;FA;;;S-1-5-18)(A;OICI;FA;;;S-1-5-32-544)(A;;FRFX;;;S-1-5-32-545)"},
		"shared by nobody": {Shared(sddl.System), Private(sddl.System)},
		"shared file":      {SharedFile(sddl.System, other), "D:P(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)(A;;FR;;;S-1-5-21-1-2-3-1001)"},
	} {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", name, test.got, test.want)
		}
	}
}

func TestNamed(t *testing.T) {
	if got := Named(Shared(own, other, sddl.Users)); !slices.Equal(got, []sddl.SID{sddl.System, sddl.Administrators, own, other, sddl.Users}) {
		t.Errorf("got %v", got)
	}
	if got := Named("D:P"); len(got) > 0 {
		t.Errorf("of nobody: %v", got)
	}
}

// However something is opened, no reparse point is followed, and no reader is kept out.
func TestOpenings(t *testing.T) {
	for name, o := range map[string]opening{"new file": newFile, "new folder": newFolder, "old folder": oldFolder, "own folder": ownFolder, "old file": oldFile, "gone file": goneFile} {
		if o.options&optionReparsePoint == 0 || o.options&optionSynchronous == 0 || o.access&accessSynchronize == 0 || o.access&accessReadControl == 0 {
			t.Errorf("%s: %#v", name, o)
		}
		if isFolder := strings.Contains(name, "folder"); (o.options&optionFolder != 0) != isFolder || (o.options&optionFile != 0) == isFolder {
			t.Errorf("%s is opened as the other kind: %#v", name, o)
		}
		if isNew := strings.HasPrefix(name, "new"); (o.disposition == fileCreate) != isNew {
			t.Errorf("%s: disposition %d", name, o.disposition)
		}
		if strings.HasPrefix(name, "old") && o.access&(change|genericRead) != 0 {
			t.Errorf("%s: may be changed: %#x", name, o.access)
		}
	}
}

func TestJunctionData(t *testing.T) {
	const target = `C:\ProgramData\pöolcert 😀\certs\generations\000001`
	data, err := encodeJunction(target)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeJunction(data); err != nil || got != target {
		t.Errorf("got %q, error %v", got, err)
	}
	// [MS-FSCC] 2.1.2.5 of a short one, byte by byte.
	want := "\x03\x00\x00\xa0\x20\x00\x00\x00" + "\x00\x00\x0e\x00\x10\x00\x06\x00" +
		"\\\x00?\x00?\x00\\\x00C\x00:\x00\\\x00\x00\x00" + "C\x00:\x00\\\x00\x00\x00"
	if data, err = encodeJunction(`C:\`); err != nil || string(data) != want {
		t.Errorf("got %q, error %v, want %q", data, err, want)
	}
	for _, target := range []string{"", "C:", "C:folder", `\\server\share`, `\\?\C:\x`, "C:/x", "C:\\x\x00", `C:\` + strings.Repeat("x", 5000)} {
		if _, err := encodeJunction(target); !errors.Is(err, ErrJunction) {
			t.Errorf("%.20q: error %v", target, err)
		}
	}
}

func FuzzDecodeJunction(f *testing.F) {
	data, err := encodeJunction(`C:\x`)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:16])
	f.Add([]byte("\x0c\x00\x00\xa0 a symbolic link"))
	f.Fuzz(func(t *testing.T, data []byte) {
		target, err := decodeJunction(data)
		if err != nil {
			if !errors.Is(err, ErrJunction) {
				t.Errorf("error %v", err)
			}
			return
		}
		data, err = encodeJunction(target)
		if err != nil {
			return // not one of ours
		}
		if again, err := decodeJunction(data); err != nil || again != target {
			t.Errorf("%q became %q, error %v", target, again, err)
		}
	})
}
