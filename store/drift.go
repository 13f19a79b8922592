package store

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
)

// compare finds how the tree differs from s, which was installed.
func (t *tree) compare(ctx context.Context, s *set) ([]Drift, error) {
	dir := path.Join(generations, s.generation)
	nodes := s.layout()
	found := t.pointer.difference(t, s.generation, nodes)
	info, err := t.root.Lstat(dir)
	if err != nil || !info.IsDir() {
		return append(found, Drift{dir, "missing"}), nil
	}
	if err := t.checkOwned(dir, info); err != nil {
		found = append(found, Drift{dir, err.Error()})
	} else if cause := t.treeCause(dir, info); cause != "" {
		found = append(found, Drift{dir, cause})
	}

	missing := make(map[string]node)
	for _, n := range nodes {
		missing[path.Join(dir, n.path)] = n
	}
	err = fs.WalkDir(t.root.FS(), dir, func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil || name == dir && err == nil {
			return ctx.Err()
		}
		n, wanted := missing[name]
		delete(missing, name)
		cause := ""
		switch {
		case err != nil: // a second visit: the folder does not open
			cause = "cannot be read"
		case !wanted:
			cause = "does not belong here"
		default:
			cause = t.difference(name, n)
		}
		if cause == "" {
			return nil
		}
		found = append(found, Drift{name, cause})
		if entry != nil && entry.IsDir() && !wanted {
			return fs.SkipDir
		}
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		found = append(found, Drift{name, "missing"})
	}
	return found, err
}

// difference says in words how what has this name differs from n, or "".
func (t *tree) difference(name string, n node) string {
	info, err := t.root.Lstat(name)
	if err != nil {
		return "cannot be read"
	}
	if n.isLink() {
		return t.linkDifference(name, info, n.target)
	}
	got := rightsOf(info)
	got.acl = n.rights.acl // not known yet, and not to be opened when it is a pipe
	if cause := n.rights.difference(got); cause != "" {
		return cause
	}
	if !n.isDir() && info.Size() != int64(len(n.data)) {
		return "content changed"
	}
	f, err := t.root.OpenFile(name, os.O_RDONLY|openSafely, 0)
	if err != nil {
		return "cannot be read"
	}
	defer f.Close()
	if got.acl, err = aclOf(f); err != nil {
		return "cannot be read"
	}
	if cause := n.rights.difference(got); cause != "" || n.isDir() {
		return cause
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(len(n.data))+1))
	if err != nil || !bytes.Equal(data, n.data) {
		return "content changed"
	}
	return ""
}

// relative shortens the paths for people, to what they see below current.
func relative(found []Drift, generation string) []Drift {
	for i, d := range found {
		if rest, ok := strings.CutPrefix(d.Path, path.Join(generations, generation)+"/"); ok {
			found[i].Path = path.Join(currentLink, rest)
		}
	}
	return found
}
