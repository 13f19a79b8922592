package store

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

// A mirror is a pointer for volumes that have neither links nor junctions to folders:
// current is a folder with second names of the generation's files. Two renames
// exchange it, between which there is no current. After a crash there, opening the
// directory puts it back, so that the promise of the package holds only from then on.
type mirror struct{}

// mirrorMark is a file in a mirror that names its generation. It is made last.
const mirrorMark = ".generation"

func (mirror) copies() []string { return []string{currentLink} }

func (m mirror) generation(t *tree) (string, error) {
	if _, err := t.root.Lstat(currentLink); errors.Is(err, fs.ErrNotExist) {
		if err := m.recover(t); err != nil {
			return "", err
		}
	}
	return m.mark(t, currentLink), nil
}

// mark returns the generation of the mirror dir, or "" if it is not a complete one.
func (mirror) mark(t *tree, dir string) string {
	data, _, err := t.look(path.Join(dir, mirrorMark))
	if err != nil || number(string(data)) == 0 {
		return ""
	}
	if info, err := t.root.Lstat(pathOf(string(data))); err != nil || !info.IsDir() {
		return ""
	}
	return string(data)
}

// recover puts the newest complete mirror in place, if there is one.
func (m mirror) recover(t *tree) error {
	names, err := t.names(".")
	if err != nil {
		return err
	}
	best, newest := "", uint64(0)
	for _, name := range names {
		if n := number(m.mark(t, name)); strings.HasPrefix(name, linkPrefix) && n > newest {
			best, newest = name, n
		}
	}
	if best == "" {
		return nil
	}
	return t.rename(best, currentLink)
}

func (mirror) set(ctx context.Context, t *tree, generation string, nodes []node) error {
	next := linkPrefix + rand.Text()
	if err := t.mkdir(next, ours(treeMode)); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := path.Join(next, n.path)
		if n.isDir() {
			if err := t.mkdir(name, n.made); err != nil {
				return err
			}
			continue
		}
		if err := t.do("link", name, func() error { return t.root.Link(path.Join(pathOf(generation), n.path), name) }); err != nil {
			return err
		}
	}
	if err := t.writeFile(path.Join(next, mirrorMark), []byte(generation), oursFile()); err != nil {
		return err
	}
	if err := errors.Join(t.syncDir(next), t.syncDir("."), ctx.Err()); err != nil {
		return err
	}
	before := linkPrefix + rand.Text()
	err := t.rename(currentLink, before)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err2 := t.rename(next, currentLink); err2 != nil {
		if err == nil {
			err = t.rename(before, currentLink)
		}
		return errors.Join(err2, err)
	}
	return nil
}

func (m mirror) difference(t *tree, generation string, nodes []node) (found []Drift) {
	if _, err := t.root.Lstat(currentLink); err != nil {
		return driftOf("missing")
	}
	if m.mark(t, currentLink) != generation {
		return driftOf("not the current set")
	}
	known := map[string]bool{currentLink: true, path.Join(currentLink, mirrorMark): true}
	for _, n := range nodes {
		name := path.Join(currentLink, n.path)
		known[name] = true
		is, err := t.root.Lstat(name)
		want, wantErr := t.root.Lstat(path.Join(pathOf(generation), n.path))
		switch {
		case wantErr != nil: // that is a drift of its own
		case err != nil:
			found = append(found, Drift{name, "missing"})
		case is.IsDir() != n.isDir() || !n.isDir() && !os.SameFile(is, want):
			found = append(found, Drift{name, "another file"})
		}
	}
	_ = fs.WalkDir(t.root.FS(), currentLink, func(name string, entry fs.DirEntry, _ error) error {
		if known[name] {
			return nil
		}
		found = append(found, Drift{name, "does not belong here"})
		if entry != nil && entry.IsDir() {
			return fs.SkipDir
		}
		return nil
	})
	return found
}
