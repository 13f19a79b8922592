package hook

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolcert/batch"
)

// program is an absolute path on every system.
var program, _ = filepath.Abs("program")

// A checkTest is a hook, and what Check has to say of it.
type checkTest struct {
	hook Hook
	want string // of the error; empty: none
}

func TestCheck(t *testing.T) {
	testCheck(t, map[string]checkTest{
		"command":          {Hook{Command: []string{program}}, ""},
		"patterns":         {Hook{Command: []string{program}, Certificates: []string{"*.example.org", strings.Repeat("aB", 20)}}, ""},
		"nothing":          {Hook{}, "command: missing"},
		"both":             {Hook{Command: []string{program}, Systemctl: "reload a.service"}, "not both"},
		"relative":         {Hook{Command: []string{"true"}}, "not an absolute path"},
		"timeout":          {Hook{Command: []string{program}, Timeout: 5}, "timeout: want 1s to 1h"},
		"event":            {Hook{Command: []string{program}, On: []Event{"renewed"}}, `on: "renewed" is none of`},
		"visibility":       {Hook{Command: []string{program}, Visibility: []batch.Visibility{"all"}}, `visibility: "all" is none of`},
		"bad pattern":      {Hook{Command: []string{program}, Certificates: []string{"[a"}}, "certificates:"},
		"names":            {Hook{Command: []string{program}, Names: []string{"Storage.key-1", "web-*", "*"}}, ""},
		"bad name":         {Hook{Command: []string{program}, Names: []string{"storage key"}}, `names: "storage key" is neither a name`},
		"thumbprint name":  {Hook{Command: []string{program}, Names: []string{strings.Repeat("aB", 20)}}, "names:"},
		"bad name pattern": {Hook{Command: []string{program}, Names: []string{"[a"}}, "names:"},
		"names and more":   {Hook{Command: []string{program}, Names: []string{"a"}, Certificates: []string{"a"}}, "not both"},
		"zero byte":        {Hook{Command: []string{program, "a\x00b"}}, "zero byte"},
	})
}

func testCheck(t *testing.T, tests map[string]checkTest) {
	t.Helper()
	for name, test := range tests {
		err := test.hook.Check()
		var e *Error
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (!errors.As(err, &e) || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}

func TestCheckAll(t *testing.T) {
	good := Hook{Command: []string{program}}
	if _, err := CheckAll([]Hook{good, {Command: []string{program, "x"}}}); err != nil {
		t.Error(err)
	}
	if _, err := CheckAll([]Hook{{Command: good.Command, Names: []string{"a"}}, {Command: good.Command, Names: []string{"b"}}}); err != nil {
		t.Errorf("the same for two names: %v", err)
	}
	if i, err := CheckAll([]Hook{good, {}}); err == nil || i != 1 {
		t.Errorf("a bad one: %d, %v", i, err)
	}
	if i, err := CheckAll([]Hook{good, {Name: "other", Command: good.Command}}); err == nil || i != 1 {
		t.Errorf("one twice: %d, %v", i, err)
	}
	var many []Hook
	for i := range MaxHooks + 1 {
		many = append(many, Hook{Command: []string{program, strings.Repeat("x", i)}})
	}
	if i, err := CheckAll(many); err == nil || i != MaxHooks {
		t.Errorf("too many: %d, %v", i, err)
	}
}

func cert(n byte, name string, visibility ...batch.Visibility) Certificate {
	return Certificate{Thumbprint: batch.Thumbprint{n}, CommonName: name, Visibility: visibility}
}

func TestDiff(t *testing.T) {
	old := []Certificate{cert(1, "a", batch.Task), cert(2, "b.example.org", batch.Task), cert(3, "c", batch.RemoteUser)}
	next := []Certificate{cert(4, "d.example.org", batch.Task), cert(2, "b.example.org", batch.Task, batch.RemoteUser), cert(3, "c", batch.RemoteUser)}
	for name, test := range map[string]struct {
		hook                        Hook
		installed, removed, changed []byte
	}{
		"all":        {Hook{}, []byte{4}, []byte{1}, []byte{2}},
		"event":      {Hook{On: []Event{Removed}}, nil, []byte{1}, nil},
		"pattern":    {Hook{Certificates: []string{"*.EXAMPLE.org"}}, []byte{4}, nil, []byte{2}},
		"thumbprint": {Hook{Certificates: []string{batch.Thumbprint{1}.String()}}, nil, []byte{1}, nil},
		"visibility": {Hook{Visibility: []batch.Visibility{batch.RemoteUser}}, nil, nil, []byte{2}},
	} {
		c := test.hook.diff(old, next)
		first := func(list []Certificate) (bytes []byte) {
			for _, c := range list {
				bytes = append(bytes, c.Thumbprint[0])
			}
			return bytes
		}
		if !slices.Equal(first(c.Installed), test.installed) || !slices.Equal(first(c.Removed), test.removed) || !slices.Equal(first(c.Changed), test.changed) {
			t.Errorf("%s: got %+v", name, c)
		}
	}
}

func TestTail(t *testing.T) {
	var short tail
	short.Write([]byte("a\x1b[31mb\x07\tc\xff\u202e\n\n"))
	if got, want := short.String(), `a\x1b[31mb\x07`+"\tc"+`\xff\u202e`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var long tail
	for range 1000 {
		long.Write([]byte("0123456789"))
	}
	if got := long.String(); len(got) != maxOutput+3 || !strings.HasPrefix(got, "...") || !strings.HasSuffix(got, "789") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
	var one tail
	one.Write([]byte(strings.Repeat("x", 3*maxOutput) + "end"))
	if got := one.String(); !strings.HasSuffix(got, "xend") || len(got) != maxOutput+3 {
		t.Errorf("%d bytes", len(got))
	}
}
