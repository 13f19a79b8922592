package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"poolcert/account/db"
	"poolcert/account/request"
	"poolcert/batch"
)

const maxHolders = 100 // are named in an error

// endDeletions ends what can be ended, and returns when to look again.
func (s *Service) endDeletions(ctx context.Context) time.Duration {
	return sweep(ctx, s, "deletions", func(tx *db.Tx) (ending []db.Certificate, next time.Time, err error) {
		if ending, err = tx.EndingDeletions(time.Now().Add(-s.window), sweepBatch); err != nil {
			return nil, next, err
		}
		if next, err = tx.OldestDeletion(); !next.IsZero() {
			next = next.Add(s.window)
		}
		return ending, next, err
	}, s.endDeletion)
}

// endDeletion removes a certificate that nobody holds, or marks its deletion as
// failed when its time is over. All is checked again: since it was listed, the
// deletion may have been tried anew, or a node may have been given the bytes.
func (s *Service) endDeletion(ctx context.Context, listed *db.Certificate) error {
	acct, tp := listed.Account, listed.Thumbprint
	var name string
	var outcome string
	failed := false
	err := s.db.Update(ctx, func(tx *db.Tx) error {
		outcome, failed = "", false
		rev, err := tx.NextRevision(acct)
		if err != nil {
			return err
		}
		if name, err = tx.AccountName(acct); err != nil {
			return err
		}
		row, err := tx.Certificate(acct, tp)
		if err != nil || row.State != batch.StateDeleting {
			return orElse(err, nil)
		}
		holders, err := tx.Holders(acct, tp, maxHolders+1)
		if err != nil {
			return err
		}
		if len(holders) == 0 {
			outcome = "certificate deleted"
			return tx.DeleteCertificate(acct, tp)
		}
		if time.Now().Before(row.StateTime.Add(s.window)) {
			return nil
		}
		outcome, failed = "certificate deletion failed, it is in use", true
		failure := deleteError(holders)
		switch named, err := tx.NameOf(acct, tp); {
		case err == nil && named.State == batch.NameCurrent:
			failure.Message += fmt.Sprintf(" It is current under the name %s: add its successor under that name first.", row.Name)
		case err != nil && !errors.Is(err, db.ErrNotFound):
			return err
		}
		text, err := json.Marshal(failure)
		if err != nil {
			return err
		}
		return tx.SetCertificateState(acct, tp, batch.StateDeleteFailed, now(), string(text), rev)
	})
	if err != nil {
		return fmt.Errorf("end the deletion of certificate %v: %w", tp, err)
	}
	if outcome != "" {
		s.log.InfoContext(ctx, outcome, "account", name, "thumbprint", tp.String())
		c := &request.Call{Operation: "certificate.deleted", Account: name, Thumbprint: tp.String()}
		if failed {
			c.Code = string(batch.CodePoolsReferencingCertificate)
		}
		s.act(ctx, c)
	}
	return nil
}

// deleteError names the first holders: pools as Batch does, nodes as pool/node.
func deleteError(holders []db.Holder) *batch.DeleteCertificateError {
	e := &batch.DeleteCertificateError{
		Code:    batch.CodePoolsReferencingCertificate,
		Message: "The certificate is still in use by the pools and nodes that the values name.",
	}
	if len(holders) > maxHolders {
		holders = holders[:maxHolders]
		e.Message += fmt.Sprintf(" They are the first %d; there are more.", maxHolders)
	}
	for _, h := range holders {
		if h.Node == "" {
			e.Values = append(e.Values, batch.NameValue{Name: "Pools", Value: h.Pool})
		} else {
			e.Values = append(e.Values, batch.NameValue{Name: "Nodes", Value: h.Pool + "/" + h.Node})
		}
	}
	return e
}
