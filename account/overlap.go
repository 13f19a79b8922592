package account

import (
	"context"
	"fmt"
	"time"

	"poolcert/account/db"
	"poolcert/account/request"
	"poolcert/batch"
)

// endOverlaps ends the overlaps whose time is over, and returns when to look again.
func (s *Service) endOverlaps(ctx context.Context) time.Duration {
	return sweep(ctx, s, "overlaps", func(tx *db.Tx) (ended []db.NamedCertificate, next time.Time, err error) {
		if ended, err = tx.EndedOverlaps(time.Now(), sweepBatch); err != nil {
			return nil, next, err
		}
		next, err = tx.NextOverlapEnd()
		return ended, next, err
	}, s.endOverlap)
}

// endOverlap takes a certificate from the pools that refer to its name, unless it
// has become current again or another replica was first.
func (s *Service) endOverlap(ctx context.Context, listed *db.NamedCertificate) error {
	a := &Account{ID: listed.Account}
	var moved []db.Pool
	ended := false
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		moved, ended = nil, false
		rev, err := tx.NextRevision(a.ID)
		if err != nil {
			return err
		}
		if a.Name, err = tx.AccountName(a.ID); err != nil {
			return err
		}
		row, err := tx.NameOf(a.ID, listed.Thumbprint)
		if err != nil {
			return orElse(err, nil)
		}
		if row.State != batch.NameOverlap || row.Until.After(time.Now()) {
			return nil
		}
		ended = true
		moved, err = leavePools(tx, row, rev)
		return err
	})
	if err != nil {
		return fmt.Errorf("end the overlap of certificate %v: %w", listed.Thumbprint, err)
	}
	if ended {
		s.log.InfoContext(ctx, "overlap of a certificate ended", "account", a.Name, "name", listed.Name, "thumbprint", listed.Thumbprint.String(), "pools", len(moved))
		s.act(ctx, &request.Call{Operation: "certificate-name.overlap-ended", Account: a.Name, Name: listed.Name, Thumbprint: listed.Thumbprint.String()})
	}
	return s.tellPools(a, moved)
}

// leavePools ends the overlap of a certificate, and returns the pools for which that
// is a change.
func leavePools(tx *db.Tx, row *db.NamedCertificate, rev int64) ([]db.Pool, error) {
	members, err := tx.NameMembers(row.Account, row.Name)
	if err != nil {
		return nil, err
	}
	row.State = batch.NamePast
	if err := tx.SetName(row); err != nil {
		return nil, err
	}
	if members[0].State != batch.NameCurrent {
		return nil, nil // so no pool refers to the name
	}
	pools, err := tx.PoolsNaming(row.Account, row.Name, members[0].Thumbprint)
	if err != nil {
		return nil, err
	}
	return repoint(tx, row.Account, pools, rev)
}

// endOverlapOfDeleted is for a certificate whose deletion has begun: whoever wants it
// gone does not want it on nodes for days.
func endOverlapOfDeleted(tx *db.Tx, acct int64, tp batch.Thumbprint, rev int64) ([]db.Pool, error) {
	row, err := tx.NameOf(acct, tp)
	if err != nil || row.State != batch.NameOverlap {
		return nil, orElse(err, nil)
	}
	row.Until = now()
	return leavePools(tx, row, rev)
}
