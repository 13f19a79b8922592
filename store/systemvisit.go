package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"poolcert/batch"
	"poolcert/internal/wincrypt"
)

// A visit is one look into the stores, with changes. Others see those, at the latest,
// when it is closed.
type visit struct {
	*System
	owners  map[batch.Visibility]Owner
	keyless []batch.Visibility
	open    map[string]wincrypt.Store // by the key of a place
	added   map[spot]bool
}

func (s *System) visit(owners map[batch.Visibility]Owner, keyless []batch.Visibility) *visit {
	return &visit{System: s, owners: owners, keyless: keyless, open: make(map[string]wincrypt.Store), added: make(map[spot]bool)}
}

// close has others see the changes. Then keys go that others took the place of.
func (v *visit) close() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(v.open)) {
		if err := v.open[name].Close(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	v.open = make(map[string]wincrypt.Store)
	v.dead = slices.DeleteFunc(v.dead, func(at wincrypt.Container) bool {
		err := v.deleteKey(at)
		errs = append(errs, err)
		return err == nil
	})
	return errors.Join(errs...)
}

func (s *System) deleteKey(at wincrypt.Container) error {
	if at == (wincrypt.Container{}) {
		return nil
	}
	if err := s.opts.Calls.DeleteKey(at); err != nil {
		return fmt.Errorf("delete the private key %s: %w", at.Name, err)
	}
	return nil
}

func (v *visit) store(p place, how wincrypt.Opening) (wincrypt.Store, error) {
	if s := v.open[p.key()]; s != nil {
		return s, nil
	}
	s, err := v.opts.Calls.OpenStore(p.at, p.name, how)
	if err != nil {
		return nil, fmt.Errorf("open store %v: %w", p, err)
	}
	v.open[p.key()] = s
	return s, nil
}

// A sight is what there is of a wanted certificate.
type sight struct {
	found   bool
	cert    wincrypt.Certificate
	mark    mark
	ours    bool
	badKey  bool   // a key of its own has to be imported
	cause   string // how it differs, in words; "": it does not
	usable  bool   // somebody else's: with a key that can be used, or without need of one
	missing error  // why the key cannot be used
}

// look compares. It changes nothing.
func (v *visit) look(w *wanted) (*sight, error) {
	t := &sight{cause: "missing", badKey: w.hasKey()}
	s, err := v.store(w.place, wincrypt.ToChange)
	if errors.Is(err, wincrypt.ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	t.cert, err = s.Find(w.spot().thumbprint)
	if errors.Is(err, wincrypt.ErrNotFound) {
		return t, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find it in store %v: %w", w.place, err)
	}
	t.found, t.cause, t.badKey = true, "", false
	known, mine := v.ours[w.spot()]
	t.mark, t.ours = v.markOf(w.place, t.cert)
	if !t.ours && mine && t.cert.Key == known.Key {
		t.mark, t.ours, t.cause = known, true, "mark changed"
	}
	if !t.ours {
		t.usable = !w.hasKey()
		if w.hasKey() {
			t.missing = v.tryKey(w, t.cert.Key)
			t.usable = t.missing == nil
		}
		return t, nil
	}
	v.lookAtOurs(w, t, mine)
	return t, nil
}

// lookAtOurs compares a certificate with our mark.
func (v *visit) lookAtOurs(w *wanted, t *sight, known bool) {
	differs := func(cause string) {
		if t.cause == "" {
			t.cause = cause
		}
	}
	if w.hasKey() {
		switch err := v.keyState(w, t.mark.Key, known); {
		case t.mark.Key == (wincrypt.Container{}):
			t.badKey = true
			differs("private key missing")
		case errors.Is(err, wincrypt.ErrNotFound):
			t.badKey = true
			differs("private key missing")
		case err != nil:
			t.badKey = true
			differs("private key of no use: " + err.Error())
		case t.mark.Exportable != v.opts.Exportable(w.entry.Reference):
			t.badKey = true
			differs("exportable changed")
		}
	}
	want := v.certificate(w, t.mark.Key)
	switch {
	case !w.hasKey() && t.mark.Key != (wincrypt.Container{}):
		differs("private key not wanted any more")
	case t.cert.Key != want.Key:
		differs("property changed: private key")
	case t.cert.Name != want.Name:
		differs("property changed: friendly name")
	case !bytes.Equal(t.cert.Renewal, want.Renewal):
		differs("property changed: renewal")
	case !bytes.Equal(t.cert.Mark, want.Mark):
		differs("mark changed")
	}
}

// keyState tells whether a key of ours is there, and, if it was not this process that
// imported it, whether it is the right one.
func (v *visit) keyState(w *wanted, at wincrypt.Container, known bool) error {
	if !known {
		return v.tryKey(w, at)
	}
	key, err := v.opts.Calls.OpenKey(at)
	if err != nil {
		return err
	}
	return key.Close()
}

func (v *visit) tryKey(w *wanted, at wincrypt.Container) error {
	if at == (wincrypt.Container{}) {
		return wincrypt.ErrNotFound
	}
	return wincrypt.Try(v.opts.Calls, at, w.entry.Bundle)
}

// certificate returns what is to be in the store.
func (v *visit) certificate(w *wanted, key wincrypt.Container) wincrypt.Certificate {
	c := wincrypt.Certificate{DER: w.cert.Raw}
	if w.hasKey() {
		c.Key = key
	}
	if w.entry != nil {
		c.Name = string(w.entry.Reference.Name)
	}
	if !w.current.IsZero() {
		c.Renewal = w.current[:]
	}
	c.Mark = v.markFor(w, c.Key).encode()
	return c
}

// put adds or replaces the certificate, with its key if it needs one.
func (v *visit) put(ctx context.Context, w *wanted, t *sight) error {
	key := t.mark.Key
	if t.badKey {
		var err error
		key, err = wincrypt.Import(ctx, v.opts.Calls, wincrypt.ImportRequest{
			Bundle: w.entry.Bundle, At: w.at, Name: v.containerName(w),
			Exportable: v.opts.Exportable(w.entry.Reference), Access: v.access(w.entry).SDDL(),
		})
		if err != nil {
			return err
		}
	}
	s, err := v.store(w.place, wincrypt.ToMake)
	c := v.certificate(w, key)
	if err == nil {
		err = s.Add(c, t.found)
	}
	if err != nil {
		if t.badKey {
			err = errors.Join(err, v.opts.Calls.DeleteKey(key))
		}
		return fmt.Errorf("add it to store %v: %w", w.place, err)
	}
	if old := t.mark.Key; old != (wincrypt.Container{}) && old != c.Key {
		v.dead = append(v.dead, old)
	}
	if !t.found {
		v.added[w.spot()] = true
	}
	v.own(w, v.markFor(w, c.Key))
	return nil
}

// own notes what is ours.
func (v *visit) own(w *wanted, m mark) {
	v.ours[w.spot()] = m
	if !slices.Contains(v.used, w.place) {
		v.used = append(v.used, w.place)
	}
}
