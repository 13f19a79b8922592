package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"poolcert/decrypt"
	"poolcert/internal/cli"
)

// A sealedEnv is a variable and the message that holds its value.
type sealedEnv struct{ name, message string }

// A sealedFile is a file with a message, and the variable for the path of its content.
type sealedFile struct{ path, name string }

// An execPlan is what a command gets, at first sealed.
type execPlan struct {
	inherited   []string // NAME=VALUE
	plain       []string // of --env-file
	sealed      []sealedEnv
	sealedFiles []sealedFile
	staying     bool

	values map[string][]byte           // of secrets, by variable
	files  []*os.File                  // that the command inherits, or that are held for it
	paths  map[string]string           // of files, by variable
	folder interface{ remove() error } // of files that are held; nil: there are none
}

// plan finds what is to be opened, and checks what can be checked before that. Flags
// win over --env-file, and that over the environment.
func (f *execFlags) plan(environ, args []string) (*execPlan, error) {
	p := &execPlan{inherited: environ, staying: f.mask, values: make(map[string][]byte), paths: make(map[string]string)}
	given := make(map[string]string) // by which option
	take := func(name, by string) error {
		key := variableKey(name)
		if before := given[key]; before != "" && before != "--env-file" {
			return cli.Usagef("%s is given twice, by %s and %s", cli.Text(name), before, by)
		}
		given[key] = by
		return nil
	}
	for _, flag := range f.env {
		s, err := parseEnvFlag(flag)
		if err == nil {
			err = take(s.name, "--env")
		}
		if err != nil {
			return nil, err
		}
		p.sealed = append(p.sealed, s)
	}
	for _, flag := range f.files {
		s, err := parseFileFlag(flag)
		if err == nil {
			err = take(s.name, "--file")
		}
		if err != nil {
			return nil, err
		}
		p.sealedFiles = append(p.sealedFiles, s)
	}
	lines, err := readEnvFile(f.envFile)
	if err != nil {
		return nil, err
	}
	for _, v := range lines {
		key := variableKey(v.name)
		if given[key] != "" {
			continue // of one that is there twice, the last one counts: they come in reverse
		}
		given[key] = "--env-file"
		if message, ok := strings.CutPrefix(v.message, sealedPrefix); ok {
			p.sealed = append(p.sealed, sealedEnv{v.name, message})
		} else {
			p.plain = append(p.plain, v.name+"="+v.message)
		}
	}
	for _, variable := range environ {
		name, value := splitVariable(variable)
		if message, ok := strings.CutPrefix(value, sealedPrefix); ok && given[variableKey(name)] == "" {
			given[variableKey(name)] = "the environment"
			p.sealed = append(p.sealed, sealedEnv{name, message})
		}
	}
	return p, p.checkArguments(args)
}

func parseEnvFlag(flag string) (sealedEnv, error) {
	name, message, ok := strings.Cut(flag, "=")
	if !ok || name == "" {
		return sealedEnv{}, cli.Usagef("--env %q is not of the form NAME=MESSAGE", cli.Text(name))
	}
	if file, ok := strings.CutPrefix(message, "@"); ok {
		data, err := readFileLimited(file, maxSealedEnv)
		if err != nil {
			return sealedEnv{}, fmt.Errorf("variable %s: %w", name, err)
		}
		message = string(data)
	}
	return sealedEnv{name, strings.TrimPrefix(message, sealedPrefix)}, nil
}

func parseFileFlag(flag string) (sealedFile, error) {
	i := strings.LastIndexByte(flag, '=')
	if i < 0 || !isVariable(flag[i+1:]) || flag[:i] == "" {
		return sealedFile{}, cli.Usagef("--file %q is not of the form MESSAGE-FILE=NAME, with the NAME of a variable", cli.Text(flag))
	}
	return sealedFile{flag[:i], flag[i+1:]}, nil
}

// isVariable tells whether name can be used as a variable by a shell.
func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// readEnvFile returns the variables of a file, the last one first.
func readEnvFile(path string) ([]sealedEnv, error) {
	if path == "" {
		return nil, nil
	}
	data, err := readFileLimited(path, maxSealedEnv)
	if err != nil {
		return nil, err
	}
	var all []sealedEnv
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !isVariable(name) { // the line itself may be a secret
			return nil, cli.Hint(fmt.Errorf("%s, line %d: not of the form NAME=VALUE", path, n), "a message is in base64, on one line, as 'poolcert encrypt --base64' writes it")
		}
		if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		all = append(all, sealedEnv{name, value})
	}
	slices.Reverse(all)
	return all, nil
}

// open opens all that is sealed.
func (p *execPlan) open(ctx context.Context, u decrypt.Unwrapper, explain func(error) error) error {
	for _, s := range p.sealed {
		var secret bytes.Buffer
		if _, err := decrypt.Decrypt(ctx, limitWriter{&secret, maxSealedEnv, errEnvTooLong}, strings.NewReader(s.message), u, decrypt.Options{}); err != nil {
			if _, statErr := os.Stat(s.message); errors.Is(err, decrypt.ErrUnknownForm) && statErr == nil {
				err = cli.Hint(err, "there is a file of that name: --env %s=@%s reads it", cli.Text(s.name), cli.Text(s.message))
			}
			return fmt.Errorf("variable %s: %w", s.name, explain(err))
		}
		if bytes.IndexByte(secret.Bytes(), 0) >= 0 {
			return cli.Hint(fmt.Errorf("variable %s: the secret holds a zero byte, which no variable can", s.name), "hand it over with --file")
		}
		p.values[s.name] = secret.Bytes()
	}
	for _, s := range p.sealedFiles {
		if err := p.openFile(ctx, s, u); err != nil {
			return fmt.Errorf("file %s: %w", s.name, explain(err))
		}
	}
	return nil
}

// environ returns the variables of the command.
func (p *execPlan) environ() []string {
	var env []string
	set := make(map[string]bool)
	add := func(name, value string) {
		if key := variableKey(name); !set[key] {
			set[key] = true
			env = append(env, name+"="+value)
		}
	}
	for _, s := range p.sealed {
		add(s.name, string(p.values[s.name]))
	}
	for _, s := range p.sealedFiles {
		add(s.name, p.paths[s.name])
	}
	for _, list := range [][]string{p.plain, p.inherited} {
		for _, variable := range list {
			add(splitVariable(variable))
		}
	}
	return env
}

// splitVariable takes NAME=VALUE apart. On Windows, there are names that begin with "=".
func splitVariable(variable string) (name, value string) {
	rest, hidden := strings.CutPrefix(variable, "=")
	name, value, _ = strings.Cut(rest, "=")
	if hidden {
		name = "=" + name
	}
	return name, value
}

// close removes what was there for the command.
func (p *execPlan) close(stderr io.Writer) {
	for _, f := range p.files {
		f.Close()
	}
	if p.folder == nil {
		return
	}
	if err := p.folder.remove(); err != nil {
		fmt.Fprintf(stderr, "poolcert: %s %s\npoolcert: %s %s\n", cli.StyleOf(stderr).Yellow("warning:"), cli.Text(oneLine(err)),
			cli.StyleOf(stderr).Yellow("hint:"), cli.Text(cli.HintOf(err)))
	}
}

var errEnvTooLong = errors.New("the secret is too long for an environment variable")

// A limitWriter refuses what would make it longer than its limit.
type limitWriter struct {
	b       *bytes.Buffer
	limit   int
	tooLong error
}

func (l limitWriter) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > l.limit {
		return 0, l.tooLong
	}
	return l.b.Write(p)
}
