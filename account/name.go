package account

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

// DefaultOverlap is how long nodes keep a certificate after another has become
// current under its name, so that secrets that were sealed to it still open.
const DefaultOverlap = 7 * 24 * time.Hour

// A NameQuery asks for one page of a name's history, the one that became current
// last first.
type NameQuery struct {
	Name   batch.CertificateName
	Before int64 // Revision of the last of the page before; 0: from the start
	Limit  int   // 1 to MaxPage; 0 is MaxPage
}

// A NameEntry is a certificate in the history of its name, without its URL and
// Metadata.
type NameEntry struct {
	batch.NamedCertificate
	Revision int64 `json:"-"`
}

// NameHistory returns the certificates that the account has under a name, and
// whether more follow. Refusal: CertificateNameNotFound.
func (s *Service) NameHistory(ctx context.Context, a *Account, q NameQuery) (page []NameEntry, more bool, err error) {
	limit := pageLimit(q.Limit)
	before := q.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	var rows []db.NameEntry
	err = s.read(ctx, func(tx *db.Tx) (err error) {
		rows, err = tx.NameHistory(a.ID, q.Name.Key(), before, limit+1)
		if err == nil && len(rows) == 0 && q.Before <= 0 {
			err = errNameNotFound
		}
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("history of the name %s: %w", q.Name, err)
	}
	rows, more = cutPage(rows, limit)
	page = make([]NameEntry, 0, len(rows))
	for i := range rows {
		c, err := certificateOf(&rows[i].Certificate)
		if err != nil {
			return nil, false, err
		}
		named := &rows[i].Named
		page = append(page, NameEntry{
			NamedCertificate: batch.NamedCertificate{
				Certificate: *c, Added: batch.TimeOf(named.Added), Until: timeOf(named.Until),
			},
			Revision: named.Revision,
		})
	}
	return page, more, nil
}

// SetCurrent makes a certificate the one that its name stands for, also one that was
// current before; that it is so already changes nothing. The one it replaces has its
// overlap. Refusals: CertificateNameNotFound, CertificateNotFound,
// InvalidCertificateReferences, ConditionNotMet.
func (s *Service) SetCurrent(ctx context.Context, a *Account, name batch.CertificateName, set batch.SetCurrent) error {
	var moved []db.Pool
	err := s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		moved = nil
		members, err := tx.NameMembers(a.ID, name.Key())
		if err != nil {
			return err
		}
		next, err := s.candidate(tx, a.ID, name, set.Thumbprint)
		if err != nil || next.State == batch.NameCurrent {
			return err
		}
		if !set.Replaces.IsZero() && (len(members) == 0 || members[0].State != batch.NameCurrent || members[0].Thumbprint != set.Replaces) {
			return batch.NewError(batch.CodeConditionNotMet, "Another certificate has become current under the name meanwhile.")
		}
		moved, err = s.makeCurrent(tx, next, rev)
		return err
	})
	if err != nil {
		return fmt.Errorf("make certificate %v current under the name %s: %w", set.Thumbprint, name, err)
	}
	s.log.InfoContext(ctx, "certificate is current", "account", a.Name, "name", string(name), "thumbprint", set.Thumbprint.String(), "pools", len(moved))
	return s.tellPools(a, moved)
}

// candidate returns a certificate of a name that can become current.
func (s *Service) candidate(tx *db.Tx, acct int64, name batch.CertificateName, tp batch.Thumbprint) (*db.NamedCertificate, error) {
	if _, err := tx.NameSpelling(acct, name.Key()); err != nil {
		return nil, orElse(err, errNameNotFound)
	}
	named, err := tx.NameOf(acct, tp)
	if err != nil && !errors.Is(err, db.ErrNotFound) {
		return nil, err
	}
	if err != nil || named.Name != name.Key() {
		return nil, batch.NewError(batch.CodeCertificateNotFound, "The account has no such certificate under this name.")
	}
	row, err := tx.Certificate(acct, tp)
	if err != nil {
		return nil, err
	}
	if row.State != batch.StateActive {
		return nil, batch.NewError(batch.CodeInvalidCertificateReferences, "A name can stand only for a certificate that is active.",
			tp.String(), "The certificate is in the state "+string(row.State)+".")
	}
	return named, nil
}

// makeCurrent writes next as the certificate that its name stands for, and returns
// the pools for which that is a change.
func (s *Service) makeCurrent(tx *db.Tx, next *db.NamedCertificate, rev int64) (moved []db.Pool, err error) {
	members, err := tx.NameMembers(next.Account, next.Name)
	if err != nil {
		return nil, err
	}
	var pools []db.Pool
	if len(members) > 0 && members[0].State == batch.NameCurrent {
		before := &members[0]
		if pools, err = tx.PoolsNaming(before.Account, before.Name, before.Thumbprint); err != nil {
			return nil, err
		}
		if err := s.replaced(tx, before); err != nil {
			return nil, err
		}
	}
	next.State, next.Until, next.Revision = batch.NameCurrent, time.Time{}, rev
	if err := tx.SetName(next); err != nil {
		return nil, err
	}
	return repoint(tx, next.Account, pools, rev)
}

// replaced writes that a certificate is current no longer. It has no overlap if its
// deletion was asked for: pools can't take what is not active.
func (s *Service) replaced(tx *db.Tx, before *db.NamedCertificate) error {
	row, err := tx.Certificate(before.Account, before.Thumbprint)
	if err != nil {
		return err
	}
	before.State, before.Until = batch.NamePast, now()
	if s.overlap > 0 && row.State == batch.StateActive {
		before.State, before.Until = batch.NameOverlap, before.Until.Add(s.overlap)
	}
	return tx.SetName(before)
}

// tellPools wakes the nodes of pools that were written.
func (s *Service) tellPools(a *Account, pools []db.Pool) error {
	var errs []error
	for i := range pools {
		errs = append(errs, s.tellNodes(a, &pools[i]))
	}
	s.release() // an overlap may have begun
	return errors.Join(errs...)
}
