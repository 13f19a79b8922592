package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

// Fields of a certificate that are sealed.
const (
	dataField     = "data"
	passwordField = "password"
)

// AddCertificate checks the file against what add says of it and stores it, in
// the state active. Refusals: InvalidPropertyValue, MissingRequiredProperty,
// CertificateExists, ServerBusy.
func (s *Service) AddCertificate(ctx context.Context, a *Account, add *batch.AddCertificate) error {
	file, err := s.decodeFile(ctx, add) // outside of the transaction, since it takes time
	if err != nil {
		return err
	}
	defer clear(file.data)
	sealed := &db.CertificateFile{
		Format:   file.format,
		Data:     s.sealer.seal(certificatePlace(a.Name, add.Thumbprint, dataField), file.data),
		Password: s.sealer.seal(certificatePlace(a.Name, add.Thumbprint, passwordField), []byte(add.Password)),
	}
	row := &db.Certificate{
		Account:    a.ID,
		Thumbprint: add.Thumbprint,
		State:      batch.StateActive,
		StateTime:  now(),
		Format:     file.format,
		Public:     file.leaf.Raw,
	}
	err = s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		if _, err := tx.Certificate(a.ID, add.Thumbprint); !errors.Is(err, db.ErrNotFound) {
			return orExists(err, errCertificateExists)
		}
		row.Revision = rev
		return tx.AddCertificate(row, sealed)
	})
	if err != nil {
		return fmt.Errorf("add certificate %v: %w", add.Thumbprint, err)
	}
	s.log.InfoContext(ctx, "certificate added", "account", a.Name, "thumbprint", add.Thumbprint.String(), "not_after", file.leaf.NotAfter)
	return nil
}

// Certificate returns one certificate without its URL and Metadata. Refusal:
// CertificateNotFound.
func (s *Service) Certificate(ctx context.Context, a *Account, tp batch.Thumbprint) (*batch.Certificate, error) {
	var row *db.Certificate
	err := s.read(ctx, func(tx *db.Tx) (err error) { row, err = tx.Certificate(a.ID, tp); return err })
	if err != nil {
		return nil, fmt.Errorf("certificate %v: %w", tp, orElse(err, errCertificateNotFound))
	}
	return certificateOf(row)
}

// Certificates returns a page of certificates, and whether more follow. A filter
// on an unknown property is refused as InvalidQueryParameterValue.
func (s *Service) Certificates(ctx context.Context, a *Account, q CertificateQuery) (page []batch.Certificate, more bool, err error) {
	limit := pageLimit(q.Limit)
	var rows []db.Certificate
	err = s.read(ctx, func(tx *db.Tx) (err error) {
		rows, err = tx.Certificates(a.ID, q.After, q.Filter, limit+1)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("list certificates: %w", err)
	}
	rows, more = cutPage(rows, limit)
	page = make([]batch.Certificate, 0, len(rows))
	for i := range rows {
		c, err := certificateOf(&rows[i])
		if err != nil {
			return nil, false, err
		}
		page = append(page, *c)
	}
	return page, more, nil
}

// DeleteCertificate begins a deletion, also when the certificate is in use: see
// [Service.Run] for its end. Refusals: CertificateNotFound,
// CertificateBeingDeleted.
func (s *Service) DeleteCertificate(ctx context.Context, a *Account, tp batch.Thumbprint) error {
	err := s.changeState(ctx, a, tp, batch.StateDeleting, map[batch.CertificateState]error{
		batch.StateDeleting: errBeingDeleted,
	})
	if err != nil {
		return fmt.Errorf("delete certificate %v: %w", tp, err)
	}
	s.release()
	s.log.InfoContext(ctx, "certificate deletion began", "account", a.Name, "thumbprint", tp.String())
	return nil
}

// CancelDeletion makes a certificate active again whose deletion failed.
// Refusals: CertificateNotFound, CertificateBeingDeleted, CertificateStateActive.
func (s *Service) CancelDeletion(ctx context.Context, a *Account, tp batch.Thumbprint) error {
	err := s.changeState(ctx, a, tp, batch.StateActive, map[batch.CertificateState]error{
		batch.StateDeleting: errBeingDeleted,
		batch.StateActive:   errStateActive,
	})
	if err != nil {
		return fmt.Errorf("cancel deletion of certificate %v: %w", tp, err)
	}
	s.log.InfoContext(ctx, "certificate deletion cancelled", "account", a.Name, "thumbprint", tp.String())
	return nil
}

// changeState moves a certificate to a state, unless its own state is refused.
func (s *Service) changeState(ctx context.Context, a *Account, tp batch.Thumbprint, to batch.CertificateState, refused map[batch.CertificateState]error) error {
	return s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		row, err := tx.Certificate(a.ID, tp)
		if err != nil {
			return orElse(err, errCertificateNotFound)
		}
		if err := refused[row.State]; err != nil {
			return err
		}
		return tx.SetCertificateState(a.ID, tp, to, now(), "", rev)
	})
}

// certificateOf returns what the account tells of a row.
func certificateOf(row *db.Certificate) (*batch.Certificate, error) {
	c := &batch.Certificate{
		Thumbprint:          row.Thumbprint,
		ThumbprintAlgorithm: batch.SHA1,
		State:               row.State,
		StateTransitionTime: batch.TimeOf(row.StateTime),
		PreviousState:       row.PreviousState,
		PublicData:          base64.StdEncoding.EncodeToString(row.Public),
	}
	hasKey := row.Format == batch.FormatPFX
	c.HasPrivateKey = &hasKey
	if row.PreviousState != "" {
		c.PreviousStateTransitionTime = timeOf(row.PreviousStateTime)
	}
	if row.DeleteError != "" {
		if err := json.Unmarshal([]byte(row.DeleteError), &c.DeleteCertificateError); err != nil {
			return nil, fmt.Errorf("certificate %v: its error of deletion: %w", row.Thumbprint, err)
		}
	}
	return c, nil
}

// now returns the time in the API's resolution.
func now() time.Time { return batch.TimeOf(time.Now()).Time }

// timeOf returns nil for the zero time.
func timeOf(t time.Time) *batch.Time {
	if t.IsZero() {
		return nil
	}
	b := batch.TimeOf(t)
	return &b
}
