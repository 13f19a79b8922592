package doctest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// kinds are what stands behind ```. Only console is typed: on both ways
// to have the programs, or on one.
var kinds = map[string]bool{
	"console": true, "console source": true, "console packages": true, "text": true, "powershell": true, "": true,
	"toml": true, "json": true, "ini": true, "nginx": true, "logrotate": true, "yaml": true,
}

// notTyped counts the blocks of a document that look like commands and are not
// typed, for the reason that stands behind. A new one wants a look: can't it be console?
var notTyped = map[string]int{
	"README.md":          1,  // scripts/test, which runs this
	"CONTRIBUTING.md":    3,  // all checks, and tests by hand
	"docs/agent.md":      3,  // systemctl edit, poolcert-agent install, systemd-creds: a booted systemd
	"docs/operations.md": 11, // PostgreSQL elsewhere, a second machine, systemd-creds, an issuer
	"docs/release.md":    3,  // a release, which scripts/packages-test makes
	"docs/schedulers.md": 3,  // Slurm, cron, Podman
	"docs/systemd.md":    2,  // systemctl edit
	"docs/tasks.md":      1,  // sbatch
	"docs/windows.md":    7,  // Windows
}

var command = regexp.MustCompile(`(?m)^\s*([$#>] |PS .*> )?(sudo |systemctl |systemd-|poolcert|curl |ssh |rsync |psql |createuser |go |scripts/|sc\.exe|Get-|Set-|New-|msiexec|apt|dpkg|rpm|\$ |install )`)

// TestFences wants all that looks like a command to be typed, or counted.
func TestFences(t *testing.T) {
	for _, name := range documents(t) {
		d := readDocument(t, name)
		count := 0
		for _, f := range d.fences {
			text := strings.Join(f.lines, "\n")
			switch {
			case !kinds[f.kind]:
				t.Errorf("%s:%d: a block marked %q: mark commands as console, or text if they can't run here", name, f.line, f.kind)
			case f.kind == "powershell", (f.kind == "text" || f.kind == "") && command.MatchString(text):
				count++
			}
		}
		if want := notTyped[name]; count != want {
			t.Errorf("%s has %d blocks of commands that nobody types, want %d", name, count, want)
		}
		for i, line := range strings.Split(d.prose, "\n") {
			if strings.HasPrefix(line, "    ") && command.MatchString(line) {
				t.Errorf("%s:%d: an indented block: mark it with ```console", name, i+1)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks wants the files and headings that documents link to.
func TestLinks(t *testing.T) {
	for _, name := range documents(t) {
		d := readDocument(t, name)
		for _, m := range link.FindAllStringSubmatch(d.prose, -1) {
			target := m[1]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			path := filepath.Join(filepath.Dir(name), file)
			if file == "" {
				path = name
			}
			if _, err := os.Stat("../../" + path); err != nil {
				t.Errorf("%s links to %s: %v", name, target, err)
				continue
			}
			if anchor != "" && strings.HasSuffix(path, ".md") && !headings(readDocument(t, path).prose)[anchor] {
				t.Errorf("%s links to %s, which has no such heading", name, target)
			}
		}
	}
}

// headings are the names by which GitHub links to them.
func headings(prose string) map[string]bool {
	all := make(map[string]bool)
	drop := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for line := range strings.Lines(prose) {
		if text, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			all[strings.ReplaceAll(strings.ToLower(drop.ReplaceAllString(strings.TrimSpace(text), "")), " ", "-")] = true
		}
	}
	return all
}

// sourceTexts are all texts in the programs' source, one after the other.
func sourceTexts(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && (e.Name() == "scripts" || e.Name() == ".git" || e.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					all.WriteString(text + "\n")
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// TestMessagesExist wants each message of the troubleshooting in the source.
func TestMessagesExist(t *testing.T) {
	texts := sourceTexts(t)
	_, section, ok := strings.Cut(readDocument(t, "docs/operations.md").prose, "## Troubleshooting by message")
	if !ok {
		t.Fatal("docs/operations.md has no troubleshooting")
	}
	messages := 0
	for line := range strings.Lines(section) {
		cell, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !ok || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			if m[1] == "status" {
				continue
			}
			messages++
			for part := range strings.SplitSeq(m[1], "...") {
				if part = strings.TrimSpace(part); part != "" && !strings.Contains(texts, part) {
					t.Errorf("no program says %q", part)
				}
			}
		}
	}
	if messages < 25 {
		t.Errorf("only %d messages", messages)
	}
}
