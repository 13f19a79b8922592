package store

import (
	"errors"
	"fmt"

	"poolcert/internal/wincrypt"
)

// sweep removes the certificates with our mark that are not a set's, and their keys,
// save those that keep, if it is not nil, wants.
func (v *visit) sweep(s *set, keep func(spot, mark) bool) error {
	wanted := make(map[spot]bool)
	for _, w := range v.everything(s) {
		wanted[w.spot()] = true
	}
	places, err := v.places(keep != nil || !v.swept)
	errs := []error{err}
	for _, p := range places {
		if err := v.sweepStore(p, func(sp spot, m mark) bool { return wanted[sp] || keep != nil && keep(sp, m) }); err != nil {
			errs = append(errs, fmt.Errorf("store %v: %w", p, err))
		}
	}
	return errors.Join(errs...)
}

func (v *visit) sweepStore(p place, keep func(spot, mark) bool) error {
	s, err := v.store(p, wincrypt.ToChange)
	switch {
	case errors.Is(err, wincrypt.ErrNotFound):
		return nil
	case errors.Is(err, wincrypt.ErrAccess):
		return v.refused(p, keep, err)
	}
	if err != nil {
		return err
	}
	all, err := s.Certificates()
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range all {
		m, ours := v.markOf(p, c)
		sp := spot{p.key(), c.Thumbprint()}
		if !ours || keep(sp, m) {
			continue
		}
		// The key first: while the certificate is there, its mark tells of it, after a
		// crash, too.
		err := v.deleteKey(m.Key)
		if err == nil {
			err = s.Delete(sp.thumbprint)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("remove %s: %w", sp.thumbprint, err))
			continue
		}
		delete(v.ours, sp)
	}
	return errors.Join(errs...)
}

// refused returns err, which kept us from changing a store, if there is something to
// remove in it: of us, with more rights. Everybody may read what we make.
func (v *visit) refused(p place, keep func(spot, mark) bool, err error) error {
	s, readErr := v.opts.Calls.OpenStore(p.at, p.name, wincrypt.ToRead)
	if errors.Is(readErr, wincrypt.ErrNotFound) || errors.Is(readErr, wincrypt.ErrAccess) {
		return nil
	}
	if readErr != nil {
		return readErr
	}
	all, readErr := s.Certificates()
	if readErr = errors.Join(readErr, s.Close()); readErr != nil {
		return readErr
	}
	for _, c := range all {
		sp := spot{p.key(), c.Thumbprint()}
		if m, ours := v.markOf(p, c); ours && !keep(sp, m) {
			return fmt.Errorf("remove %s: %w", sp.thumbprint, err)
		}
	}
	return nil
}

// places returns the stores in which something of ours may be: all that there are,
// or those that this process has used.
func (v *visit) places(all bool) ([]place, error) {
	var list []place
	seen := make(map[string]bool)
	add := func(p place) {
		if !seen[p.key()] {
			seen[p.key()] = true
			list = append(list, p)
		}
	}
	for _, p := range v.used {
		add(p)
	}
	if !all {
		return list, nil
	}
	var errs []error
	for _, at := range []wincrypt.Location{wincrypt.LocalMachine, wincrypt.CurrentUser} {
		names, err := v.opts.Calls.StoreNames(at)
		errs = append(errs, err)
		for _, name := range names {
			if name, err := wincrypt.StoreName(name); err == nil { // others we never use
				add(place{at, name})
			}
		}
	}
	return list, errors.Join(errs...)
}
