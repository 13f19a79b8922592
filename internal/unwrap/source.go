package unwrap

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"poolcert/internal/securefile"
)

// defaultMatch are the names of sealed files in folders.
func defaultMatch() []string { return []string{"*.p7m", "*.cms", "*.jwe", "*.enc"} }

// A Source is a sealed file, and where its content is to go.
type Source struct {
	Path   string
	Output string
	Err    error // why it cannot be opened
}

// CheckMatch returns an error for a pattern that is none.
func CheckMatch(patterns []string) error {
	for _, p := range patterns {
		if _, err := filepath.Match(p, ""); err != nil || p == "" || strings.ContainsRune(p, filepath.Separator) {
			return fmt.Errorf("%q is not a pattern of names, such as '*.sealed'", p)
		}
	}
	return nil
}

// Find returns the sources among paths, in order: files, and of folders the regular
// files in them (not below) whose names match. A path that cannot be looked at is a source
// with an error; sources that would have the same output have errors that name each other.
func (o *Opener) Find(paths []string) []Source {
	var all []Source
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err == nil && info.Mode()&fs.ModeSymlink != 0 {
			// A link to a folder is a way to name it; one to a file is refused when it is opened.
			if at, statErr := os.Stat(path); statErr == nil && at.IsDir() {
				info = at
			}
		}
		var found []Source
		switch {
		case err == nil && info.IsDir():
			found, err = o.list(path)
		case err == nil:
			found = []Source{o.source(path)}
		}
		if err != nil {
			found = []Source{{Path: path, Err: err}}
		}
		all = append(all, found...)
	}
	o.collide(all)
	return all
}

// list returns the sources in a folder.
func (o *Opener) list(dir string) ([]Source, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []Source
	for _, e := range entries {
		if e.Type().IsRegular() && o.matches(e.Name()) {
			all = append(all, o.source(filepath.Join(dir, e.Name())))
		}
	}
	return all, nil
}

func (o *Opener) patterns() []string {
	if o.Match != nil {
		return o.Match
	}
	return defaultMatch()
}

func (o *Opener) matches(name string) bool {
	return !securefile.IsTemp(name) && slices.ContainsFunc(o.patterns(), func(pattern string) bool {
		ok, err := filepath.Match(pattern, name)
		return ok && err == nil
	})
}

func (o *Opener) source(path string) Source {
	s := Source{Path: path}
	dir, name := filepath.Split(filepath.Clean(path))
	plain := o.outputName(name)
	if o.To != "" {
		s.Output = filepath.Join(o.To, plain)
	} else {
		s.Output = filepath.Join(dir, plain)
	}
	if plain == "" || filepath.Clean(path) == s.Output {
		s.Output, s.Err = "", ErrNoOutput
	}
	return s
}

// outputName leaves out the suffix that says that a file is sealed: a known one, or
// what a pattern ends with.
func (o *Opener) outputName(name string) string {
	for _, pattern := range slices.Concat(o.patterns(), defaultMatch()) {
		tail := pattern[strings.LastIndexAny(pattern, `*?]`)+1:]
		if strings.HasPrefix(tail, ".") && !strings.ContainsRune(tail, '\\') && strings.HasSuffix(name, tail) {
			return strings.TrimSuffix(name, tail)
		}
	}
	return name
}

// collide marks sources that would have the same output. One that is named twice
// counts once.
func (o *Opener) collide(all []Source) {
	first := make(map[string]int)
	for i, s := range all {
		if s.Output == "" {
			continue
		}
		j, ok := first[s.Output]
		if !ok {
			first[s.Output] = i
			continue
		}
		mark := func(s *Source, other string) {
			if s.Err == nil {
				s.Err = collision(other)
			}
		}
		mark(&all[i], all[j].Path)
		mark(&all[j], s.Path)
	}
}

func collision(other string) error { return fmt.Errorf("%w: %s", ErrCollision, other) }
