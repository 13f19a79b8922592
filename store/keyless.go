package store

import (
	"errors"
	"path"
	"slices"

	"poolcert/batch"
)

// isPublic tells by the name of a file in a visibility's folder whether it has
// certificates only. All others count as secret: also those that somebody else,
// or another version, put there.
func isPublic(name string) bool {
	ext := path.Ext(name)
	return ext == ".cer" || ext == ".pem"
}

// SetKeyless replaces the visibilities of [DirOptions].Keyless for the installs
// that follow. What is installed changes with the next Replace.
func (d *Dir) SetKeyless(visibilities []batch.Visibility) {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.keyless = slices.Clone(visibilities)
}

// wipeKeys removes, in place, what is secret from the folders of keyless
// visibilities in all generations.
func (t *tree) wipeKeys(keyless []batch.Visibility) error {
	sets, err := t.sets()
	errs := []error{err}
	for _, dir := range sets {
		for _, v := range keyless {
			errs = append(errs, t.wipeUnless(path.Join(dir, string(v)), isPublic))
		}
	}
	return errors.Join(errs...)
}
