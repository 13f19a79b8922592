package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const serverIntro = `## server.toml

The service's, in its data directory. ` + "`poolcert-server init`" + ` writes it, with all of the following as comments.
`

var (
	keyLine     = regexp.MustCompile(`^(# )?([a-z_]+) = (.*)$`)
	headerLine  = regexp.MustCompile(`^(?:# )?(\[\[?[a-z_.]+\]\]?)$`)
	lineComment = regexp.MustCompile(`\s{2,}# .*$`)
)

// serverReference is made from the file that init writes.
func serverReference(root string) (string, error) {
	text, err := initialConfig(root)
	if err != nil {
		return "", err
	}
	src, err := parseStructs(root, "cmd/poolcert-server")
	if err != nil {
		return "", err
	}
	reference, keys := serverTables(text)
	for name, st := range src {
		for _, f := range st.Fields.List {
			if k := tomlKey(f); k != "" && k != "-" && !keys[k] {
				return "", fmt.Errorf("%s.%s is not in what init writes", name, k)
			}
		}
	}
	return serverIntro + reference, nil
}

// initialConfig runs init.
func initialConfig(root string) (string, error) {
	dir, err := os.MkdirTemp("", "poolcert-docs-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	cmd := exec.Command("go", "run", "./cmd/poolcert-server", "init", "--dir", data, "--host", "batch.example.org")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("init: %w: %s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(data, "server.toml"))
	return string(b), err
}

// serverTables turns paragraphs, of prose and then keys, into rows.
func serverTables(text string) (reference string, keys map[string]bool) {
	keys = make(map[string]bool)
	var b strings.Builder
	header, begun := "", false
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		var prose, names, values []string
		before := "" // the prose above the header of a table
		for line := range strings.Lines(paragraph) {
			line = strings.TrimRight(line, "\n")
			if m := headerLine.FindStringSubmatch(line); m != nil {
				header, begun = m[1], false
				for part := range strings.SplitSeq(strings.Trim(header, "[]"), ".") {
					keys[part] = true
				}
				before, prose = strings.Join(prose, " "), nil
				continue
			}
			m := keyLine.FindStringSubmatch(line)
			if m == nil {
				prose = append(prose, strings.TrimPrefix(strings.TrimPrefix(line, "#"), " "))
				continue
			}
			keys[m[2]] = true
			names = append(names, "`"+m[2]+"`")
			value := "`" + lineComment.ReplaceAllString(m[3], "") + "`"
			if m[1] != "" && header != "[limits]" {
				value = "not set; such as " + value
			}
			if note := strings.TrimLeft(lineComment.FindString(m[3]), " #"); note != "" {
				value += ": " + note
			}
			values = append(values, value)
		}
		if !begun && header != "" {
			fmt.Fprintf(&b, "\n### `%s`\n\n%s\n", header, before)
			begun = true
			b.WriteString("\n| key | unless set | |\n|---|---|---|\n")
		} else if header == "" && !begun {
			fmt.Fprintf(&b, "\n| key | unless set | |\n|---|---|---|\n")
			begun = true
		}
		what := strings.ReplaceAll(strings.TrimSpace(strings.Join(prose, " ")), "<", "&lt;")
		if len(names) == 0 {
			continue
		}
		for i, name := range names {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", name, values[i], what)
			if i == 0 && len(names) > 1 && what != "" {
				what = "see " + names[0]
			}
		}
	}
	return b.String(), keys
}
