package account

import (
	"errors"

	"poolcert/account/db"
	"poolcert/batch"
)

// A resolvedName is what a name stands for.
type resolvedName struct {
	spelling     batch.CertificateName
	certificates []batch.Thumbprint // the current one first, then those in their overlap
}

// A findName resolves a name. It refuses one that has no current certificate.
type findName func(batch.CertificateName) (resolvedName, error)

// nameFinder reads each name once.
func nameFinder(tx *db.Tx, acct int64) findName {
	found := make(map[string]resolvedName)
	return func(name batch.CertificateName) (resolvedName, error) {
		if n, ok := found[name.Key()]; ok {
			return n, nil
		}
		members, err := tx.NameMembers(acct, name.Key())
		if err != nil {
			return resolvedName{}, err
		}
		if len(members) == 0 || members[0].State != batch.NameCurrent {
			return resolvedName{}, batch.NewError(batch.CodeInvalidCertificateReferences,
				"A pool can refer only to names that stand for a certificate of the account.",
				string(name), "No certificate of the account is current under this name.")
		}
		var n resolvedName
		if n.spelling, err = spelledName(tx, acct, name); err != nil {
			return resolvedName{}, err
		}
		for _, m := range members {
			n.certificates = append(n.certificates, m.Thumbprint)
		}
		found[name.Key()] = n
		return n, nil
	}
}

// spelledName returns a name as the account spells it: as it came first.
func spelledName(tx *db.Tx, acct int64, name batch.CertificateName) (batch.CertificateName, error) {
	spelling, err := tx.NameSpelling(acct, name.Key())
	if errors.Is(err, db.ErrNotFound) {
		return name, nil
	}
	return batch.CertificateName(spelling), err
}

// expand puts in place of each reference by name those to its certificates. One
// that the pool refers to by its thumbprint too is there once, and so stays after
// its overlap; the current one can't be both.
func expand(checked []batch.CertificateReference, find findName) ([]batch.CertificateReference, error) {
	literal := make(map[batch.Thumbprint]bool, len(checked))
	for _, r := range checked {
		if r.Name == "" {
			literal[r.Thumbprint] = true
		}
	}
	refs := make([]batch.CertificateReference, 0, len(checked))
	for _, r := range checked {
		if r.Name == "" {
			refs = append(refs, r)
			continue
		}
		name, err := find(r.Name)
		if err != nil {
			return nil, err
		}
		r.Name = name.spelling
		for i, tp := range name.certificates {
			switch {
			case !literal[tp]:
				r.Thumbprint = tp
				refs = append(refs, r)
			case i == 0:
				return nil, errReferencedTwice(tp)
			}
		}
	}
	if len(refs) > maxReferences {
		return nil, errTooManyReferences(len(refs))
	}
	return refs, nil
}
