package doctest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A step is one command of a document.
type step struct {
	line    int // of the document
	root    bool
	hidden  bool   // in a comment
	way     string // "source" or "packages": typed on that way only
	command string
	want    []string // lines; none: whatever it prints is right
}

// A fence is one marked part of a document.
type fence struct {
	line  int
	kind  string // what stands behind ```
	lines []string
}

// document is a file, taken apart.
type document struct {
	steps  []step
	fences []fence
	prose  string // the rest, line by line; lines of fences are empty
}

var hereDocument = regexp.MustCompile(`<<-?\s*'?"?(\w+)`)

func parseDocument(text string) (*document, error) {
	d := new(document)
	var prose strings.Builder
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		trimmed := strings.TrimLeft(lines[i], " ")
		indent := lines[i][:len(lines[i])-len(trimmed)]
		if way, command, ok := cutHidden(trimmed); ok {
			begin := i
			for !strings.Contains(lines[i], "-->") {
				if i++; i == len(lines) {
					return nil, fmt.Errorf("line %d: a comment without an end", begin+1)
				}
				command += "\n" + lines[i]
			}
			command, _, _ = strings.Cut(command, "-->")
			d.steps = append(d.steps, step{line: begin + 1, root: true, hidden: true, way: way, command: strings.TrimSpace(command)})
			prose.WriteString(strings.Repeat("\n", i-begin+1))
			continue
		}
		kind, ok := strings.CutPrefix(trimmed, "```")
		if !ok {
			prose.WriteString(lines[i] + "\n")
			continue
		}
		f := fence{line: i + 1, kind: kind}
		for i++; ; i++ {
			if i == len(lines) {
				return nil, fmt.Errorf("line %d: ``` without an end", f.line)
			}
			if strings.TrimSpace(lines[i]) == "```" {
				break
			}
			f.lines = append(f.lines, strings.TrimRight(strings.TrimPrefix(lines[i], indent), " "))
		}
		d.fences = append(d.fences, f)
		prose.WriteString(strings.Repeat("\n", len(f.lines)+2))
		if way, ok := cutConsole(kind); ok {
			steps, err := parseConsole(f)
			if err != nil {
				return nil, err
			}
			for i := range steps {
				steps[i].way = way
			}
			d.steps = append(d.steps, steps...)
		}
	}
	d.prose = prose.String()
	return d, nil
}

// cutHidden takes "<!-- test WAY: COMMAND" apart.
func cutHidden(line string) (way, command string, ok bool) {
	rest, ok := strings.CutPrefix(line, "<!-- test")
	if !ok {
		return "", "", false
	}
	way, command, ok = strings.Cut(rest, ":")
	return strings.TrimSpace(way), command, ok
}

// cutConsole takes what stands behind ``` apart: "console WAY".
func cutConsole(kind string) (way string, ok bool) {
	kind, way, _ = strings.Cut(kind, " ")
	return way, kind == "console"
}

// on are the steps of a way: its own, and those of all ways.
func (d *document) on(way string) (steps []step) {
	for _, s := range d.steps {
		if s.way == "" || s.way == way {
			steps = append(steps, s)
		}
	}
	return steps
}

func parseConsole(f fence) (steps []step, err error) {
	for i := 0; i < len(f.lines); i++ {
		at := f.line + 1 + i
		line := f.lines[i]
		root := strings.HasPrefix(line, "# ")
		if !root && !strings.HasPrefix(line, "$ ") {
			if len(steps) == 0 {
				return nil, fmt.Errorf("line %d: %q is neither a command, which begins with '$ ' or '# ', nor the output of one", at, line)
			}
			last := &steps[len(steps)-1]
			last.want = append(last.want, line)
			continue
		}
		command := line[2:]
		for strings.HasSuffix(command, `\`) && i+1 < len(f.lines) {
			i++
			command += "\n" + f.lines[i]
		}
		if end := hereDocument.FindStringSubmatch(command); end != nil {
			for {
				if i++; i == len(f.lines) {
					return nil, fmt.Errorf("line %d: a here-document without %s", at, end[1])
				}
				command += "\n" + f.lines[i]
				if f.lines[i] == end[1] {
					break
				}
			}
		}
		steps = append(steps, step{line: at, root: root, command: command})
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("line %d: no command in a console block", f.line)
	}
	return steps, nil
}

func TestParseDocument(t *testing.T) {
	const text = "Begin\n<!-- test: true -->\n\n  ```console\n  $ echo a \\\n    b\n  a b\n  # cat <<'END'\n  $ x\n  END\n  $ x\n  ```\n\n```toml\na = 1\n```\n<!-- test packages: y -->\n```console source\n$ z\n```\n"
	d, err := parseDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []step{
		{line: 2, root: true, hidden: true, command: "true"},
		{line: 5, command: "echo a \\\n  b", want: []string{"a b"}},
		{line: 8, root: true, command: "cat <<'END'\n$ x\nEND"},
		{line: 11, command: "x"},
		{line: 17, root: true, hidden: true, way: "packages", command: "y"},
		{line: 19, way: "source", command: "z"},
	}
	if diff := cmp.Diff(d.steps, want, cmp.AllowUnexported(step{})); diff != "" {
		t.Errorf("steps (-got, +want):\n%s", diff)
	}
	if diff := cmp.Diff(d.on("source"), append(slices.Clone(want[:4]), want[5]), cmp.AllowUnexported(step{})); diff != "" {
		t.Errorf("steps from source (-got, +want):\n%s", diff)
	}
	if len(d.fences) != 3 || d.fences[1].kind != "toml" {
		t.Errorf("got fences %v", d.fences)
	}
	for _, bad := range []string{"```console\nout\n```\n", "```console\n```\n", "```console\n$ a", "<!-- test: a\n", "```console\n$ cat <<EOF\nx\n```\n"} {
		if _, err := parseDocument(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
