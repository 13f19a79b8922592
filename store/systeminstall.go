package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"poolcert/batch"
	"poolcert/internal/wincrypt"
)

// install brings what is missing of an entry into the stores. What is there already
// stays as it is until the set is settled.
func (v *visit) install(ctx context.Context, e Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := v.check(&e); err != nil {
		return err
	}
	list, err := v.wants(&e)
	if err != nil {
		return err
	}
	for i := range list {
		w := &list[i]
		t, err := v.look(w)
		if err != nil {
			return err
		}
		switch {
		case t.found && !t.ours && !t.usable:
			return fmt.Errorf("store %v: %w (%w)", w.place, ErrForeign, t.missing)
		case !t.found || t.badKey:
			if err := v.put(ctx, w, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// mend has everything of a set as it should be, and returns what was not. Where
// nothing is wrong, it only looks.
func (v *visit) mend(ctx context.Context, s *set) ([]Drift, error) {
	var found []Drift
	var errs []error
	for _, w := range v.everything(s) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		cause, err := v.mendOne(ctx, &w)
		if cause != "" {
			found = append(found, Drift{w.path(), cause})
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", w.path(), err))
		}
	}
	return found, errors.Join(errs...)
}

func (v *visit) mendOne(ctx context.Context, w *wanted) (cause string, err error) {
	t, err := v.look(w)
	if err != nil {
		return "", err
	}
	if t.found && !t.ours {
		if m, ok := v.ours[w.spot()]; ok { // it took the place of ours
			delete(v.ours, w.spot())
			if m.Key != (wincrypt.Container{}) && m.Key != t.cert.Key {
				v.dead = append(v.dead, m.Key)
			}
		}
		if !t.usable {
			return "", fmt.Errorf("%w (%w)", ErrForeign, t.missing)
		}
		return "", nil
	}
	if t.cause != "" {
		err = v.put(ctx, w, t)
	} else {
		v.own(w, t.mark)
	}
	if err != nil || !w.hasKey() || t.badKey {
		return t.cause, err
	}
	cause, err = v.mendAccess(w, t.mark.Key)
	if err != nil && cause != "" {
		// A new key can be given to others, where that of a container cannot be changed.
		t.badKey = true
		if again := v.put(ctx, w, t); again != nil {
			return cause, errors.Join(err, again)
		}
		err = nil
	}
	return cmp.Or(t.cause, cause), err
}

// mendAccess has those use a key who may. With a cause and an error, somebody else may
// still.
func (v *visit) mendAccess(w *wanted, at wincrypt.Container) (cause string, err error) {
	want := v.access(w.entry)
	key, err := v.opts.Calls.OpenKey(at)
	if err != nil {
		return "", fmt.Errorf("open the private key: %w", err)
	}
	defer key.Close()
	grants, err := key.Access()
	if err != nil {
		return "", fmt.Errorf("see who may use the private key: %w", err)
	}
	difference := want.Difference(grants)
	if difference == "" {
		return "", nil
	}
	cause = "key access changed: " + difference
	if err := key.SetAccess(want.SDDL()); err != nil {
		return cause, fmt.Errorf("set who may use the private key: %w", err)
	}
	return cause, nil
}

// narrow takes the keys of a set from those who may not use them any more. What needs
// a new key for another reason waits for Repair.
func (v *visit) narrow(ctx context.Context, s *set) error {
	var errs []error
	for _, w := range v.everything(s) {
		t, err := v.look(&w)
		if err == nil && t.found && t.ours && !t.badKey {
			_, err = v.mendOne(ctx, &w)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// containerName begins the name of a key, and differs by store, so that none is shared.
func (v *visit) containerName(w *wanted) string {
	sum := sha256.Sum256([]byte(v.opts.Tag + "\n" + w.key()))
	return fmt.Sprintf("poolcert-%s-%x", batch.ThumbprintOf(w.cert), sum[:4])
}
