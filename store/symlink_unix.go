//go:build unix

package store

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
)

func (t *tree) systemPointer() (pointer, error) { return symlink{}, nil }

// A symlink takes the place of the one before it by a rename.
type symlink struct{}

func (symlink) copies() []string { return nil }

func (symlink) generation(t *tree) (string, error) {
	info, err := t.root.Lstat(currentLink)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if info.Mode().Type() != fs.ModeSymlink {
		return "", nil
	}
	target, err := t.root.Readlink(currentLink)
	return generationAt(target), err
}

func (symlink) set(ctx context.Context, t *tree, generation string, _ []node) error {
	link := linkPrefix + rand.Text()
	if err := t.link(pathOf(generation), link); err != nil {
		return err
	}
	// A rename replaces a link, and not a folder that someone put there.
	if info, err := t.root.Lstat(currentLink); err == nil && info.IsDir() {
		if err := t.wipe(currentLink); err != nil {
			return err
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.rename(link, currentLink)
}

func (symlink) difference(t *tree, generation string, _ []node) []Drift {
	info, err := t.root.Lstat(currentLink)
	if err != nil {
		return driftOf("missing")
	}
	return driftOf(t.linkDifference(currentLink, info, pathOf(generation)))
}
