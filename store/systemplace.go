package store

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"poolcert/batch"
	"poolcert/internal/sddl"
	"poolcert/internal/wincrypt"
)

// A place is one certificate store.
type place struct {
	at   wincrypt.Location
	name string // as [wincrypt.StoreName] writes it
}

func (p place) String() string { return p.at.String() + "/" + p.name }

// key is what two spellings of one place have in common.
func (p place) key() string { return strings.ToLower(p.String()) }

// A spot is where one certificate is.
type spot struct {
	store      string // the key of a place
	thumbprint batch.Thumbprint
}

// wanted is a certificate as it should be in a store.
type wanted struct {
	place
	cert    *x509.Certificate
	entry   *Entry           // nil: an issuer
	current batch.Thumbprint // the certificate that takes its place; zero: none
}

func (w *wanted) spot() spot { return spot{w.key(), batch.ThumbprintOf(w.cert)} }

func (w *wanted) hasKey() bool { return w.entry != nil && w.entry.Bundle.Key != nil }

// path names it for people.
func (w *wanted) path() string { return w.String() + "/" + baseName(batch.ThumbprintOf(w.cert)) }

// placeOf returns the store of a reference.
func (v *visit) placeOf(r batch.CertificateReference) (place, error) {
	name, err := wincrypt.StoreName(r.StoreName)
	p := place{wincrypt.CurrentUser, name}
	if r.StoreLocation == batch.LocalMachine || v.opts.UserAsMachine {
		p.at = wincrypt.LocalMachine
	}
	switch {
	case err != nil || r.StoreLocation == batch.LocalMachine:
	case p.at == wincrypt.LocalMachine && slices.Contains(trusting, name):
		err = fmt.Errorf("%w: refer to localmachine/%s, if that is meant", ErrWiderTrust, name)
	case name == "Root":
		err = fmt.Errorf("%w before it trusts a certificate in currentuser/Root: refer to localmachine/Root", wincrypt.ErrAsks)
	}
	return p, err
}

// trusting are the stores that say whom a user, or the computer, trusts.
var trusting = []string{"Root", "AuthRoot", "TrustedPublisher", "TrustedPeople"}

// wants returns what an entry is in the stores: the certificate, then its issuers.
func (v *visit) wants(e *Entry) ([]wanted, error) {
	p, err := v.placeOf(e.Reference)
	if err != nil {
		return nil, err
	}
	list := []wanted{{place: p, cert: e.Bundle.Leaf, entry: e}}
	for _, cert := range e.Bundle.Chain {
		issuer := wanted{place: place{p.at, "CA"}, cert: cert}
		if bytes.Equal(cert.RawSubject, cert.RawIssuer) {
			if p.name != "Root" {
				continue // what a node trusts is not for a PFX to say
			}
			issuer.name = p.name
		}
		list = append(list, issuer)
	}
	return list, nil
}

// everything returns what the entries of a set are in the stores, each certificate of
// a store once: as that of an entry, if it is one.
func (v *visit) everything(s *set) []wanted {
	var all []wanted
	index := make(map[spot]int)
	for i := range s.entries {
		e := &s.entries[i]
		list, _ := v.wants(e) // an entry without them is not in a set
		for _, w := range list {
			if name := e.Reference.Name.Key(); w.entry != nil && name != "" && s.named[name] != e.Reference.Thumbprint {
				w.current = s.installedAs(name)
			}
			at, ok := index[w.spot()]
			switch {
			case !ok:
				index[w.spot()] = len(all)
				all = append(all, w)
			case w.entry != nil:
				all[at] = w
			}
		}
	}
	return all
}

// installedAs returns what a name stands for, unless that was withdrawn.
func (s *set) installedAs(name string) batch.Thumbprint {
	t := s.named[name]
	if !slices.ContainsFunc(s.entries, func(e Entry) bool { return e.Reference.Thumbprint == t }) {
		return batch.Thumbprint{}
	}
	return t
}

// access returns who may use the key of an entry without us.
func (v *visit) access(e *Entry) wincrypt.Access {
	var readers []sddl.SID
	for _, visibility := range e.Reference.Visibility {
		if slices.Contains(v.keyless, visibility) {
			continue
		}
		sids, _ := v.owners[visibility].SIDs.List() // checked before
		readers = append(readers, sids...)
	}
	return wincrypt.Access{Account: v.account, Readers: readers}
}

// check refuses an entry that has no owner, or is for users who would not see it.
func (v *visit) check(e *Entry) error {
	for _, visibility := range e.Reference.Visibility {
		owner, ok := v.owners[visibility]
		if !ok {
			return fmt.Errorf("%w: %s", ErrNoOwner, visibility)
		}
		if !owner.valid() {
			return fmt.Errorf("%w: %s: %v", ErrNoOwner, visibility, owner)
		}
	}
	p, err := v.placeOf(e.Reference)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(v.access(e).Readers, func(sid sddl.SID) bool { return sid == v.account })
	if p.at == wincrypt.CurrentUser && e.Bundle.Key != nil && len(others) > 0 {
		return fmt.Errorf("%v: %w", p, ErrOtherUser)
	}
	return nil
}
