package doctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// commandTree asks the programs for their commands and options, as a shell does that
// completes them.
type commandTree struct {
	t     *testing.T
	known map[string]map[string]bool
}

func (c *commandTree) complete(program string, path []string, begin string) map[string]bool {
	key := program + " " + strings.Join(path, " ") + " " + begin
	if found, ok := c.known[key]; ok {
		return found
	}
	cmd := exec.Command(filepath.Join(programs, program), append(append([]string{"__complete"}, path...), begin)...)
	cmd.Env = []string{"HOME=" + c.t.TempDir(), "PATH=" + os.Getenv("PATH")}
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("%s: %v", key, err)
	}
	found := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok || strings.HasPrefix(name, "--") {
			found[strings.TrimSuffix(name, "=")] = true
		}
	}
	c.known[key] = found
	return found
}

var (
	mention = regexp.MustCompile(`(?:^\s*|[$#&|;('] ?|sudo )(poolcert(?:-agent|-server)?)(?:\.exe)? ([^|;&<>#()'"]+)`)
	verb    = regexp.MustCompile(`^[a-z][a-z-]*$`)
	option  = regexp.MustCompile(`^--[a-z][a-z0-9-]*`)
)

// wrong tells of the first thing in a mentioned command line that is not there.
func (c *commandTree) wrong(program, arguments string) string {
	var path, options []string
	for _, word := range strings.Fields(arguments) {
		word = strings.Trim(word, ".,:`")
		if word == "--" {
			break // what follows is somebody else's
		}
		if o := option.FindString(word); o != "" {
			options = append(options, o)
			continue
		}
		subcommands := c.complete(program, path, "")
		if subcommands[word] {
			path = append(path, word)
		} else if len(subcommands) > 0 && len(options) == 0 && verb.MatchString(word) {
			return "command " + word
		}
	}
	for _, o := range options {
		if len(path) > 0 && o != "--help" && !c.complete(program, path, "--")[o] {
			return "option " + o
		}
	}
	return ""
}

var inline = regexp.MustCompile("`([^`\n]+)`")

// TestMentionedCommandsExist looks at the commands that documents name and nobody
// types: in the text, in other blocks, and in the descriptions of alerts.
func TestMentionedCommandsExist(t *testing.T) {
	tree := &commandTree{t, make(map[string]map[string]bool)}
	look := func(where, text string) (found int) {
		for _, m := range mention.FindAllStringSubmatch(text, -1) {
			found++
			if what := tree.wrong(m[1], m[2]); what != "" {
				t.Errorf("%s: %q: %s has no %s", where, text, m[1], what)
			}
		}
		return found
	}
	found := 0
	for _, name := range documents(t) {
		if name == "docs/protocol.md" {
			continue // it has labels, which begin like commands
		}
		d := readDocument(t, name)
		for _, m := range inline.FindAllStringSubmatch(d.prose, -1) {
			found += look(name, m[1])
		}
		for _, f := range d.fences {
			if _, ok := cutConsole(f.kind); ok {
				continue
			}
			for _, line := range f.lines {
				found += look(name, line)
			}
		}
	}
	rules, err := os.ReadFile("../../packaging/prometheus/poolcert.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(rules)) {
		if strings.Contains(line, "description:") {
			found += look("packaging/prometheus/poolcert.rules.yml", line)
		}
	}
	if found < 100 {
		t.Errorf("found only %d", found)
	}
	for line, want := range map[string]string{
		"pool token create render --uses 1": "", "pool tokens create": "command tokens", "cert add --nam x": "option --nam", "COMMAND --help": "", "exec --env A=@b -- ls --long": "",
	} {
		if got := tree.wrong("poolcert", line); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}
