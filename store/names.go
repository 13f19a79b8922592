package store

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"poolcert/batch"
)

// namesFolder is the folder, in that of a visibility, with the links by names. A
// folder of its own, so that a program which takes each *.pfx that it finds, as on
// Batch nodes, finds each certificate once, and so that no name can be that of a file
// of ours.
const namesFolder = "names"

// linkTo returns what a link in a namesFolder holds for a file beside that folder.
// It is relative: it leads to the same generation, whatever path one came by.
func linkTo(file string) string { return "../" + file }

// linkedFile is the inverse of linkTo; "" is no file.
func linkedFile(target string) string {
	file, ok := strings.CutPrefix(target, linkTo(""))
	if !ok || strings.Contains(file, "/") {
		return ""
	}
	return file
}

// linkName returns the name of the link to a file of a certificate. The ends of
// files tell the names apart: no end is the end of another one.
func linkName(name batch.CertificateName, thumbprint batch.Thumbprint, file string) string {
	return string(name) + strings.TrimPrefix(file, baseName(thumbprint))
}

// isNamed tells whether links by the entry's name lead to it.
func (s *set) isNamed(e Entry) bool {
	return e.Reference.Name != "" && s.named[e.Reference.Name.Key()] == e.Reference.Thumbprint
}

// wipeUnless wipes the files in the folder of a visibility that keep does not take,
// and the links in its namesFolder to such files.
func (t *tree) wipeUnless(dir string, keep func(file string) bool) error {
	names, err := t.names(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, name := range names {
		full := path.Join(dir, name)
		if name == namesFolder && t.wipeLinks(full, keep) == nil {
			continue
		}
		if !keep(name) {
			errs = append(errs, t.wipe(full))
		}
	}
	return errors.Join(errs...)
}

// wipeLinks does so with a namesFolder, which goes with its last link. With an error,
// it is to be wiped.
func (t *tree) wipeLinks(dir string, keep func(file string) bool) error {
	names, err := t.names(dir)
	if err != nil {
		return err
	}
	left := 0
	for _, name := range names {
		full := path.Join(dir, name)
		if target, err := t.linkTarget(full); err == nil && keep(linkedFile(target)) {
			left++
		} else if err := t.wipe(full); err != nil {
			return err
		}
	}
	if left == 0 {
		return t.wipe(dir)
	}
	return nil
}
