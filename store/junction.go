package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// A junction is a folder that leads to another one, by an absolute path. That path
// changes in place: one record of the file system's journal, so that who opens
// current at any time, or after a crash, comes to the old generation or to the new one.
type junction struct{ junctions }

// junctions are the calls of Windows for junctions; paths are absolute.
type junctions interface {
	setJunction(path, target string) error
	junction(path string) (target string, err error) // an error that wraps errNoJunction if it is none
}

var errNoJunction = errors.New("not a junction")

func (junction) copies() []string { return nil }

func (j junction) generation(t *tree) (string, error) {
	target, err := j.target(t)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoJunction) {
		return "", nil
	}
	return generationAt(target), err
}

// target returns where current leads, relative to the root if it is below that.
func (j junction) target(t *tree) (string, error) {
	target, err := j.junction(filepath.Join(t.path, currentLink))
	if err != nil {
		return "", err
	}
	if below, ok := strings.CutPrefix(target, t.path+string(filepath.Separator)); ok {
		return filepath.ToSlash(below), nil
	}
	return target, nil
}

func (j junction) set(ctx context.Context, t *tree, generation string, _ []node) error {
	_, err := j.target(t)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if err := t.wipe(currentLink); err != nil { // something else is there
			return err
		}
		err = fs.ErrNotExist
	}
	if err != nil {
		if err := t.mkdir(currentLink, ours(treeMode)); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.do("switch", currentLink, func() error {
		return j.setJunction(filepath.Join(t.path, currentLink), filepath.Join(t.path, filepath.FromSlash(pathOf(generation))))
	})
}

func (j junction) difference(t *tree, generation string, _ []node) []Drift {
	target, err := j.target(t)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return driftOf("missing")
	case err != nil:
		return driftOf("not a junction")
	case target != pathOf(generation):
		return driftOf(fmt.Sprintf("points to %.100q", target))
	}
	return nil
}
