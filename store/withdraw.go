package store

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"poolcert/batch"
)

// narrow returns the part of s that references allow, in a set of its own.
func (s *set) narrow(references []batch.CertificateReference) *set {
	next := *s
	next.entries = nil
	for _, e := range s.entries {
		e.Reference.Visibility = slices.DeleteFunc(slices.Clone(e.Reference.Visibility), func(v batch.Visibility) bool {
			return !slices.ContainsFunc(references, func(r batch.CertificateReference) bool {
				return r.Thumbprint == e.Reference.Thumbprint && slices.Contains(r.Visibility, v)
			})
		})
		if len(e.Reference.Visibility) > 0 {
			next.entries = append(next.entries, e)
		}
	}
	return &next
}

// Withdraw implements [Store]. It goes by the files that are there, also those of
// an earlier process, and changes the generations in place: files go one by one,
// each overwritten first.
func (d *Dir) Withdraw(_ context.Context, references []batch.CertificateReference) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.setCurrent(d.current().narrow(references)) // no more use of the keys, whatever becomes of the files
	t, _, err := d.openTree(true)
	if err != nil {
		return err
	}
	defer t.close()
	sets, err := t.sets()
	errs := []error{err, t.wipeKeys(d.keyless)}
	for _, dir := range sets {
		for _, v := range batch.Visibilities() {
			errs = append(errs, t.withdraw(path.Join(dir, string(v)), v, references))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("withdraw certificates from %s: %w", d.root, err)
	}
	return nil
}

// withdraw wipes what references do not allow in the folder of a visibility.
func (t *tree) withdraw(dir string, v batch.Visibility, references []batch.CertificateReference) error {
	return t.wipeUnless(dir, func(file string) bool {
		return slices.ContainsFunc(references, func(r batch.CertificateReference) bool {
			return slices.Contains(r.Visibility, v) && strings.HasPrefix(file, baseName(r.Thumbprint)+".")
		})
	})
}

// Withdraw implements [Store].
func (m *Memory) Withdraw(_ context.Context, references []batch.CertificateReference) error {
	m.changing.Lock()
	defer m.changing.Unlock()
	m.setCurrent(m.current().narrow(references))
	return nil
}
