package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"poolcert/batch"
	"poolcert/internal/erase"
	"poolcert/store"
)

// replace installs entries unless they are what is installed, and adds to failed
// those that the store refused. left tells why something else may be left. When
// the store cannot install, what is to go goes all the same.
func (r *reconciler) replace(ctx context.Context, entries []store.Entry, failed map[batch.Thumbprint]error) (err, left error) {
	next := make(map[batch.Thumbprint]batch.CertificateReference, len(entries))
	references := make([]batch.CertificateReference, 0, len(entries))
	for _, e := range entries {
		next[e.Reference.Thumbprint] = e.Reference
		references = append(references, e.Reference)
	}
	named := namesOf(references, next)
	if !r.unsettled && r.installed != nil && maps.EqualFunc(next, r.installed, batch.CertificateReference.Same) && maps.Equal(named, r.named) {
		return nil, nil
	}
	if len(entries) > 0 {
		if err := r.vault.WillInstall(); err != nil {
			r.log.Warn("a restart may not know its certificates", "err", err) // and then removes them
		}
	}
	refused, err := r.store.Replace(ctx, entries)
	if err != nil && !errors.Is(err, store.ErrUnfinished) {
		r.unsettled = true
		if ctx.Err() != nil {
			return err, err
		}
		return fmt.Errorf("install: %w", err), r.withdraw(ctx, slices.Collect(maps.Values(next)))
	}
	for thumbprint, err := range refused {
		failed[thumbprint] = err
		delete(next, thumbprint)
	}
	named = namesOf(references, next)
	r.logChange(next, named)
	r.installed, r.named = next, named
	r.unsettled, r.kept = err != nil, false
	if err != nil {
		err = fmt.Errorf("install: %w", err)
	}
	return err, err
}

// withdraw has the store keep no more than references.
func (r *reconciler) withdraw(ctx context.Context, references []batch.CertificateReference) error {
	err := r.store.Withdraw(ctx, references)
	next := make(map[batch.Thumbprint]batch.CertificateReference)
	named := maps.Clone(r.named)
	if list, listErr := r.store.List(ctx); listErr == nil {
		for _, c := range list {
			next[c.Reference.Thumbprint] = c.Reference
		}
	}
	maps.DeleteFunc(named, func(_ string, t batch.Thumbprint) bool { _, ok := next[t]; return !ok })
	r.logChange(next, named)
	r.installed, r.named = next, named
	if err != nil {
		return fmt.Errorf("withdraw: %w", err)
	}
	return nil
}

// forget drops what is not wanted any more, from memory too.
func (r *reconciler) forget(references []batch.CertificateReference) {
	before := len(r.held)
	maps.DeleteFunc(r.held, func(t batch.Thumbprint, _ *holding) bool {
		return !slices.ContainsFunc(references, func(c batch.CertificateReference) bool { return c.Thumbprint == t })
	})
	if len(r.held) < before {
		erase.Collect()
	}
}

func compareThumbprints(a, b batch.Thumbprint) int { return slices.Compare(a[:], b[:]) }
