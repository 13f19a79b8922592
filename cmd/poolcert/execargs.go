package main

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"

	"poolcert/internal/cli"
)

// placeholder matches what stands for a secret, or for a file, in an argument.
var placeholder = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\{\{ *(secret|file) +([^{} ]+) *\}\}`)
})

// checkArguments checks the names in placeholders.
func (p *execPlan) checkArguments(args []string) error {
	for _, arg := range args[1:] {
		for _, m := range placeholder().FindAllStringSubmatch(arg, -1) {
			kind, name := m[1], m[2]
			known := slices.ContainsFunc(p.sealed, func(s sealedEnv) bool { return s.name == name })
			from := "--env, --env-file or a variable whose value begins with " + sealedPrefix
			if kind == "file" {
				known = slices.ContainsFunc(p.sealedFiles, func(s sealedFile) bool { return s.name == name })
				from = "--file"
			}
			if !known {
				return cli.Hint(cli.Usagef("{{%s %s}}: there is no such %[1]s", kind, cli.Text(name)), "it has to come from %s", from)
			}
		}
	}
	return nil
}

// arguments returns the command's arguments with placeholders filled in.
func (p *execPlan) arguments(args []string, stderr io.Writer) []string {
	filled := slices.Clone(args)
	warned := make(map[string]bool)
	for i, arg := range args {
		if i == 0 {
			continue
		}
		filled[i] = placeholder().ReplaceAllStringFunc(arg, func(text string) string {
			m := placeholder().FindStringSubmatch(text)
			kind, name := m[1], m[2]
			if kind == "file" {
				return p.paths[name]
			}
			if !warned[name] {
				warned[name] = true
				fmt.Fprintf(stderr, "poolcert: %s {{secret %s}} puts the secret among the command's arguments, where every user of this node can read it with ps\n",
					cli.StyleOf(stderr).Yellow("warning:"), cli.Text(name))
			}
			// As a shell's $(...) does: an argument seldom means the newline.
			return string(bytes.TrimRight(p.values[name], "\r\n"))
		})
	}
	return filled
}
