package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/module"
)

// licenceFile is how modules name the text of their licence.
var licenceFile = regexp.MustCompile(`(?i)^(licen[sc]e|copying|notice|patents|authors)([.-].*)?$`)

// licence is where the licences of what is in a program are. Systems differ in it, but
// not architectures.
func (r *release) licence(s system, program string) string {
	return filepath.Join(r.work, "licences", s.os, program+".txt")
}

// licences writes the licences of all that is in a program: those of its modules ask
// for it.
func (r *release) licences(ctx context.Context, s system, program string) error {
	info, err := buildinfo.ReadFile(filepath.Join(r.bin(s), s.file(program)))
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s has parts of the following. Its own licence is Apache-2.0.\n", program)
	root, err := output(ctx, r.source, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	if err := addLicences(&b, "Go, its standard library and runtime", root); err != nil {
		return err
	}
	cache, err := output(ctx, r.source, "go", "env", "GOMODCACHE")
	if err != nil {
		return err
	}
	for _, dep := range info.Deps {
		path, err := module.EscapePath(dep.Path)
		if err != nil {
			return err
		}
		version, err := module.EscapeVersion(dep.Version)
		if err != nil {
			return err
		}
		if err := addLicences(&b, dep.Path+" "+dep.Version, filepath.Join(cache, path+"@"+version)); err != nil {
			return err
		}
	}
	return writeFile(r.licence(s, program), []byte(b.String()))
}

// addLicences adds the texts of the licence in a module's folder; there has to be one.
func addLicences(b *strings.Builder, title, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := false
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("-", 72), title, entry.Name(), strings.TrimSpace(string(text)))
		found = true
	}
	if !found {
		return fmt.Errorf("%s has no licence in %s", title, dir)
	}
	return nil
}
