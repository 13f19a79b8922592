// Package packaging_test checks the files that packages bring.
package packaging_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"poolcert/agent"
)

// tables reads agent.toml without its #: the keys of each table, "" before the first.
func tables(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("agent.toml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := agent.ParseConfig(string(text)); err != nil {
		t.Errorf("as it is installed: %v", err)
	}
	found, table := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		key, ok := strings.CutPrefix(strings.TrimSpace(line), "# ")
		switch {
		case line != "\n" && !strings.HasPrefix(line, "#"):
			t.Errorf("not a comment: %s", line)
		case ok && strings.HasPrefix(key, "["):
			table = key
		case ok && regexp.MustCompile(`^[a-z_]+ *= `).MatchString(key):
			found[table] = append(found[table], key)
		}
	}
	if len(found[""]) < 10 || len(found) < 8 {
		t.Fatalf("found only %v", found)
	}
	return found
}

// Who takes a # away has changed nothing yet.
func TestAgentConfigIsTheDefault(t *testing.T) {
	for table, keys := range tables(t) {
		c, err := agent.ParseConfig(table + "\n" + strings.Join(keys, "\n"))
		if err != nil {
			t.Errorf("%s: %v", table, err)
			continue
		}
		// Here absence and its meaning differ; and a hook is an example.
		c.Formats, c.Hooks = nil, nil
		if table == "[owners.task]" {
			c.Owners.Task.User, c.Owners.Task.Mode, c.Owners.Task.ACL = "", "", nil
		}
		if table == "[access.task]" {
			c.Access.Task = agent.AccessConfig{}
		}
		if table == "[remoteuser]" {
			c.RemoteUser.Users = nil
		}
		if diff := cmp.Diff(agent.DefaultConfig(), c); diff != "" {
			t.Errorf("%q is not the default (-default +file):\n%s", table, diff)
		}
	}
}

// A key that the agent has is in the file.
func TestAgentConfigHasAllKeys(t *testing.T) {
	found := tables(t)
	var check func(table string, of reflect.Type)
	check = func(table string, of reflect.Type) {
		for field := range of.Fields() {
			key := field.Tag.Get("toml")
			switch kind := field.Type.Kind(); {
			case field.Anonymous:
				check(table, field.Type)
			case key == "install" || key == "stores": // of Windows
			case kind == reflect.Struct && table == "":
				if _, ok := found["["+key+"]"]; ok {
					check("["+key+"]", field.Type)
				} else if _, ok := found["["+key+".task]"]; !ok {
					t.Errorf("there is no table %s", key)
				}
			case key == "hook":
				if len(found["[[hook]]"]) == 0 {
					t.Error("there is no hook")
				}
			default:
				if !slices.ContainsFunc(found[table], func(line string) bool { return regexp.MustCompile("^" + key + " *=").MatchString(line) }) {
					t.Errorf("%q has no %s", table, key)
				}
			}
		}
	}
	check("", reflect.TypeFor[agent.Config]())
}
