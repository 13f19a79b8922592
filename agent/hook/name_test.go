package hook

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolcert/batch"
)

func named(n byte, name batch.CertificateName, current bool, visibility ...batch.Visibility) Certificate {
	c := cert(n, "", visibility...)
	c.Name, c.Current = name, current
	return c
}

// What hooks hear in the story of a name: it comes, is rotated, is rolled back, its
// overlap ends, and it goes.
func TestDiffOfNames(t *testing.T) {
	none := []Certificate{}
	first := []Certificate{named(1, "Key", true, batch.Task), cert(9, "other", batch.Task)}
	rotated := []Certificate{named(2, "Key", true, batch.Task), named(1, "Key", false, batch.Task), cert(9, "other", batch.Task)}
	back := []Certificate{named(1, "Key", true, batch.Task), named(2, "Key", false, batch.Task), cert(9, "other", batch.Task)}
	wider := []Certificate{named(1, "Key", true, batch.Task, batch.RemoteUser), named(2, "Key", false, batch.Task), cert(9, "other", batch.Task)}
	over := []Certificate{named(1, "Key", true, batch.Task), cert(9, "other", batch.Task)}

	byName, all := Hook{Names: []string{"key"}}, Hook{}
	for _, test := range []struct {
		name      string
		hook      Hook
		old, next []Certificate
		want      string // installed, removed, changed
		names     string
	}{
		{"comes", byName, none, first, "1;;", "Key"},
		{"rotated", byName, first, rotated, ";;2", "Key"},
		{"rotated, on changed", Hook{Names: byName.Names, On: []Event{Changed}}, first, rotated, ";;2", "Key"},
		{"rotated, pattern", Hook{Names: []string{"K*"}}, first, rotated, ";;2", "Key"},
		{"rotated, on installed", Hook{Names: byName.Names, On: []Event{Installed}}, first, rotated, ";;", ""},
		{"rotated, another name", Hook{Names: []string{"keys"}}, first, rotated, ";;", ""},
		{"rotated, another visibility", Hook{Names: byName.Names, Visibility: []batch.Visibility{batch.RemoteUser}}, first, rotated, ";;", ""},
		{"rolled back", byName, rotated, back, ";;1", "Key"},
		{"wider", byName, back, wider, ";;1", "Key"},
		{"overlap ends", byName, back, over, ";;", ""},
		{"goes", byName, rotated, none, ";2;", "Key"},
		{"rotated at once", byName, first, rotated[:1], ";;2", "Key"},

		{"all, rotated", all, first, rotated, "2;;1", "Key"},
		{"all, rolled back", all, rotated, back, ";;12", "Key"},
		{"all, overlap ends", all, back, over, ";2;", ""},
		{"named from now on", all, []Certificate{cert(1, "", batch.Task), first[1]}, first, ";;1", "Key"},
	} {
		c := test.hook.diff(test.old, test.next)
		var got strings.Builder
		for i, list := range [][]Certificate{c.Installed, c.Removed, c.Changed} {
			if i > 0 {
				got.WriteByte(';')
			}
			for _, cert := range list {
				got.WriteByte('0' + cert.Thumbprint[0])
			}
		}
		if got.String() != test.want || c.names() != test.names {
			t.Errorf("%s: got %s, names %q; want %s, names %q", test.name, got.String(), c.names(), test.want, test.names)
		}
	}
	if same(rotated, back) {
		t.Error("a name that stands for another certificate is nothing new")
	}
}

// The facts have the path that stays the same, for each visibility.
func TestPathsByName(t *testing.T) {
	h := Hook{Names: []string{"*"}}
	c := h.diff([]Certificate{named(1, "gone", true, batch.Task)}, []Certificate{named(2, "Key", true, batch.StartTask, batch.Task)})
	c.Facts = Facts{CertificatesDir: "/run/certs/current"}
	c.locate()
	want := []string{filepath.FromSlash("/run/certs/current/starttask/names/Key"), filepath.FromSlash("/run/certs/current/task/names/Key")}
	if got := c.Installed[0].Paths; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if c.Removed[0].Paths != nil {
		t.Errorf("what is removed is at %v", c.Removed[0].Paths)
	}
	if env := c.environment(); !slices.Contains(env, "POOLCERT_NAMES=Key gone") {
		t.Errorf("environment: %v", env)
	}
	text, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(text), fmt.Sprintf(`"name":"Key","current":true,"paths":[%q,`, want[0])) {
		t.Errorf("%s, error %v", text, err)
	}
}
