package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"strings"

	"poolcert/batch"
)

// install writes entries as a new generation and makes it the current one. An
// error that does not wrap ErrUnfinished means that the old set is in place.
func (d *Dir) install(ctx context.Context, t *tree, entries []Entry, keep int) (map[batch.Thumbprint]error, error) {
	// The folder is ours alone until all in it is complete, so that no one can
	// meet a file before it has its rights and its whole content.
	making := path.Join(generations, newPrefix+rand.Text())
	s, failed, err := d.write(ctx, t, making, entries)
	if err == nil {
		s.generation, err = t.swap(ctx, making, s.layout())
	}
	if err != nil {
		return nil, errors.Join(err, t.sweep(d.current().generation, d.keep))
	}
	d.setCurrent(s)
	return failed, t.finish(s.generation, keep)
}

// finish does what remains when the generation is the current one.
func (t *tree) finish(generation string, keep int) error {
	if err := errors.Join(t.syncDir("."), t.sweep(generation, keep)); err != nil {
		return fmt.Errorf("%w: %w", ErrUnfinished, err)
	}
	return nil
}

// write makes the folder making and all in it.
func (d *Dir) write(ctx context.Context, t *tree, making string, entries []Entry) (*set, map[batch.Thumbprint]error, error) {
	if err := t.mkdir(making, ours(0o700)); err != nil {
		return nil, nil, err
	}
	owners, refused, err := d.writeFolders(t, making)
	if err != nil {
		return nil, nil, err
	}
	rules := &set{formats: d.formats, keyless: d.keyless}
	s, failed := newSet(entries, d.current(), func(e Entry) error {
		for _, v := range e.Reference.Visibility {
			if _, ok := owners[v]; !ok {
				return errors.Join(fmt.Errorf("%w: %s", ErrNoOwner, v), refused[v])
			}
			if _, err := rules.files(e, v); err != nil {
				return err
			}
		}
		return nil
	})
	s.owners, s.formats, s.keyless = owners, d.formats, d.keyless
	nodes := s.layout()
	for _, n := range nodes[len(owners):] { // after the folders that are there
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if err := t.write(path.Join(making, n.path), n); err != nil {
			return nil, nil, err
		}
	}
	for _, n := range nodes {
		if !n.isDir() {
			continue
		}
		if err := t.syncDir(path.Join(making, n.path)); err != nil {
			return nil, nil, err
		}
	}
	s.acls = make(map[string]string)
	for name, acl := range t.acls {
		if name, ok := strings.CutPrefix(name, making+"/"); ok {
			s.acls[name] = acl
		}
	}
	return s, failed, t.syncDir(making)
}

// write makes what n says.
func (t *tree) write(name string, n node) error {
	switch {
	case n.isLink():
		return t.link(n.target, name)
	case n.isDir():
		return t.mkdir(name, n.made)
	}
	return t.writeFile(name, n.data, n.made)
}

// writeFolders makes a folder for each visibility. It returns the owners of
// those that could be made, and why the others were refused.
func (d *Dir) writeFolders(t *tree, making string) (owners map[batch.Visibility]Owner, refused map[batch.Visibility]error, err error) {
	owners = make(map[batch.Visibility]Owner)
	refused = make(map[batch.Visibility]error)
	for _, v := range batch.Visibilities() {
		owner, ok := d.owners[v]
		if !ok || !owner.valid() {
			continue
		}
		dir := path.Join(making, string(v))
		switch err := t.mkdir(dir, owner.folder()); {
		case err == nil:
			owners[v] = owner
		case mayNotGive(err):
			refused[v] = fmt.Errorf("give its folder to %v: %w", owner, err)
			if err := t.wipe(dir); err != nil {
				return nil, nil, err
			}
		default:
			return nil, nil, err
		}
	}
	return owners, refused, nil
}

// swap gives the complete folder making its name, and has current lead to it.
func (t *tree) swap(ctx context.Context, making string, nodes []node) (name string, err error) {
	newest, err := t.newest()
	if err != nil {
		return "", err
	}
	name = generationName(newest + 1)
	target := path.Join(generations, name)
	if err := t.setRights(making, ours(treeMode)); err != nil {
		return "", err
	}
	if err := t.rename(making, target); err != nil {
		return "", err
	}
	if err := t.syncDir(target); err != nil {
		return "", err
	}
	// Before the link, or a power loss might leave a link to nothing.
	if err := t.syncDir(generations); err != nil {
		return "", err
	}

	if err := ctx.Err(); err != nil {
		return "", err
	}
	return name, t.pointer.set(ctx, t, name, nodes)
}
