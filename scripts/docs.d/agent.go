package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"

	"poolcert/agent"
)

const agentIntro = `## agent.toml

A node's, ` + "`/etc/poolcert/agent.toml`" + `; on Windows ` + "`%ProgramData%\\poolcert\\agent.toml`" + `, where the paths below begin with ` + "`%ProgramData%\\poolcert`" + `, too. It need not exist. [agent.md](agent.md) tells what the keys are for.
`

// agentPackages are those with parts of agent.toml.
var agentPackages = []string{"agent", "agent/hook"}

// A table is one table of the file, with its keys in the order of the source.
type table struct {
	header string // such as "[log]"; empty at the top
	keys   []key
}

type key struct{ name, kind, text, unset string }

type walker struct {
	source   source
	names    map[string]string // of fields, to keys
	defaults map[string]any
	tables   []*table
}

func agentReference(root string) (string, error) {
	src, err := parseStructs(root, agentPackages...)
	if err != nil {
		return "", err
	}
	var encoded bytes.Buffer
	if err := toml.NewEncoder(&encoded).Encode(agent.DefaultConfig()); err != nil {
		return "", err
	}
	w := &walker{source: src, names: make(map[string]string), defaults: make(map[string]any)}
	if _, err := toml.NewDecoder(&encoded).Decode(&w.defaults); err != nil {
		return "", err
	}
	for _, st := range src {
		for _, f := range st.Fields.List {
			if name := tomlKey(f); name != "" && len(f.Names) == 1 {
				w.names[f.Names[0].Name] = name
			}
		}
	}
	if err := w.walk("agent", "agent.Config", "", &table{}); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(agentIntro)
	for _, t := range w.tables {
		if t.header != "" {
			fmt.Fprintf(&b, "\n### %s\n", t.header)
		}
		b.WriteString("\n| key | is | unless set | |\n|---|---|---|---|\n")
		for _, k := range t.keys {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.name, k.kind, k.unset, k.text)
		}
	}
	return b.String(), nil
}

// walk adds the keys of a struct to t, and tables below after it.
func (w *walker) walk(pkg, name, path string, t *table) error {
	w.tables = append(w.tables, t)
	return w.fields(pkg, name, path, t)
}

func (w *walker) fields(pkg, name, path string, t *table) error {
	st := w.source[name]
	if st == nil {
		return fmt.Errorf("there is no struct %s", name)
	}
	before := ""
	type later struct {
		header, path, name string
	}
	var tables []later
	for _, f := range st.Fields.List {
		k := tomlKey(f)
		typeName := exprName(pkg, f.Type)
		if len(f.Names) == 0 && k == "" { // embedded: its keys are here
			if err := w.fields(pkg, typeName, path, t); err != nil {
				return err
			}
			continue
		}
		if k == "" || k == "-" {
			continue
		}
		full := strings.TrimPrefix(path+"."+k, ".")
		element, isList := strings.CutPrefix(typeName, "[]")
		perVisibility, isPer := strings.CutPrefix(typeName, pkg+".PerVisibility:")
		switch {
		case isPer:
			tables = append(tables, later{fmt.Sprintf("`[%s.task]`, `[%[1]s.starttask]`, `[%[1]s.remoteuser]`", full), full + ".task", perVisibility})
			continue
		case w.source[element] != nil && isList:
			tables = append(tables, later{"`[[" + full + "]]`, as often as there are", full, element})
			continue
		case w.source[typeName] != nil:
			tables = append(tables, later{"`[" + full + "]`", full, typeName})
			continue
		}
		text, unset := w.prose(f)
		switch {
		case text != "":
			before = fmt.Sprintf("see `%s`", k)
		case unset == "" && before == "":
			return fmt.Errorf("%s in %s has no comment", k, name)
		case unset == "" || before != "":
			text = before
		}
		t.keys = append(t.keys, key{k, kindOf(typeName), text, cmp.Or(unset, w.unset(full))})
	}
	for _, l := range tables {
		pkg, _, _ := strings.Cut(l.name, ".")
		if err := w.walk(pkg, l.name, l.path, &table{header: l.header}); err != nil {
			return err
		}
	}
	return nil
}

var word = regexp.MustCompile(`\b[A-Z][A-Za-z]+\b`)

// prose is what the comments say, in the words of the file; its end, after
// "default:", is apart.
func (w *walker) prose(f *ast.Field) (text, unset string) {
	text = strings.Join(strings.Fields(f.Doc.Text()), " ")
	comment := strings.TrimSpace(f.Comment.Text())
	if after, ok := strings.CutPrefix(comment, "default: "); ok {
		unset = after
	} else {
		text = strings.TrimSpace(text + " " + comment)
	}
	var b strings.Builder
	end := 0
	for _, at := range word.FindAllStringIndex(text, -1) {
		name := text[at[0]:at[1]]
		b.WriteString(text[end:at[0]])
		end = at[1]
		// A field's name begins its comment; in it, capitals show that it is one.
		inner := strings.ContainsAny(name[1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
		begins := at[0] > 1 && strings.ContainsAny(text[at[0]-2:at[0]-1], ".:;")
		if k := w.names[name]; k != "" && (inner || !begins) {
			name = "`" + k + "`"
		}
		b.WriteString(name)
	}
	b.WriteString(text[end:])
	return strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(b.String()), unset
}

// unset is what holds without the key.
func (w *walker) unset(path string) string {
	var value any = w.defaults
	for part := range strings.SplitSeq(path, ".") {
		table, _ := value.(map[string]any)
		value = table[part]
	}
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		if v == "" {
			return ""
		}
		v = strings.Replace(v, "m0s", "m", 1)
		v = strings.Replace(v, "h0m", "h", 1)
		if path == "log.level" {
			v = strings.ToLower(v)
		}
		return fmt.Sprintf("`%q`", v)
	case []any:
		if len(v) == 0 {
			return ""
		}
	}
	return fmt.Sprintf("`%v`", value)
}

func kindOf(typeName string) string {
	if element, ok := strings.CutPrefix(typeName, "[]"); ok {
		return "list of " + kindOf(element) + "s"
	}
	return cmp.Or(map[string]string{"time.Duration": "time", "bool": "true or false", "int": "number"}[typeName], "text")
}
