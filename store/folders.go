package store

import (
	"path/filepath"
	"slices"

	"poolcert/batch"
)

// Folders returns the paths of the folders in which a change by somebody else
// concerns the store: its root, and what leads to the files of the current set.
// They need not exist. They are others after each Replace and each Repair that
// mended; while one of these runs, Folders waits for it.
func (d *Dir) Folders() []string {
	d.changing.Lock()
	defer d.changing.Unlock()
	folders := []string{d.root, filepath.Join(d.root, generations)}
	s := d.current()
	if s.generation == "" {
		return folders
	}
	for _, set := range append([]string{pathOf(s.generation)}, d.pointer.copies()...) {
		folders = append(folders, filepath.Join(d.root, filepath.FromSlash(set)))
		for _, v := range batch.Visibilities() {
			if _, ok := s.owners[v]; ok {
				folders = append(folders, filepath.Join(d.root, filepath.FromSlash(set), string(v)))
			}
		}
		for _, v := range batch.Visibilities() {
			if slices.ContainsFunc(s.entries, func(e Entry) bool { return s.isNamed(e) && slices.Contains(e.Reference.Visibility, v) }) {
				folders = append(folders, filepath.Join(d.root, filepath.FromSlash(set), string(v), namesFolder))
			}
		}
	}
	return folders
}
