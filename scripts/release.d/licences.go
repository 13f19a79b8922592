package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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
	goroot, err := output(ctx, r.source, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	type root struct{ title, dir string }
	roots := []root{{"Go, its standard library and runtime", goroot}}
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
		roots = append(roots, root{dep.Path + " " + dep.Version, filepath.Join(cache, path+"@"+version)})
	}
	folders, err := linkedFolders(ctx, r.source, s, program)
	if err != nil {
		return err
	}
	for _, root := range roots {
		found, err := addLicences(&b, root.title, root.dir)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("%s has no licence in %s", root.title, root.dir)
		}
		for _, dir := range below(root.dir, folders) {
			if _, err := addLicences(&b, root.title+", "+filepath.ToSlash(dir), filepath.Join(root.dir, dir)); err != nil {
				return err
			}
		}
	}
	return writeFile(r.licence(s, program), []byte(b.String()))
}

// linkedFolders are the folders of all packages that are in a program.
func linkedFolders(ctx context.Context, source string, s system, program string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{.Dir}}", "./cmd/"+program)
	cmd.Dir = source
	cmd.Env = s.environment()
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages of %s: %w", program, err)
	}
	return strings.Fields(string(out)), nil
}

// below are those folders under root, and those on the way to them, sorted and relative.
// A package that was copied into a module brings a licence of its own.
func below(root string, folders []string) []string {
	var found []string
	for _, folder := range folders {
		rel, err := filepath.Rel(root, folder)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		for ; rel != "."; rel = filepath.Dir(rel) {
			found = append(found, rel)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// addLicences adds the texts of licences in a folder, and tells whether there is one.
func addLicences(b *strings.Builder, title, dir string) (found bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || !licenceFile.MatchString(entry.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return false, err
		}
		fmt.Fprintf(b, "\n%s\n%s: %s\n\n%s\n", strings.Repeat("-", 72), title, entry.Name(), strings.TrimSpace(string(text)))
		found = true
	}
	return found, nil
}
