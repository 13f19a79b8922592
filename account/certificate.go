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
// the state active. If it has a name, pools that refer to the name have it at once,
// and the one that it replaces has its overlap. Refusals: InvalidPropertyValue,
// MissingRequiredProperty, CertificateExists, ServerBusy, and
// InvalidCertificateReferences when a pool that refers to the name can't take it.
func (s *Service) AddCertificate(ctx context.Context, a *Account, add *batch.AddCertificate) error {
	if add.Name != "" {
		if _, err := batch.ParseCertificateName(string(add.Name)); err != nil {
			return invalid("poolcert:name", string(add.Name), fmt.Sprintf("The value is %v.", err))
		}
	}
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
	var moved []db.Pool
	err = s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		moved = nil
		if _, err := tx.Certificate(a.ID, add.Thumbprint); !errors.Is(err, db.ErrNotFound) {
			return orExists(err, errCertificateExists)
		}
		row.Revision = rev
		if add.Name == "" {
			return tx.AddCertificate(row, sealed)
		}
		name, err := spelledName(tx, a.ID, add.Name)
		if err != nil {
			return err
		}
		row.Name = string(name)
		if err := tx.AddCertificate(row, sealed); err != nil {
			return err
		}
		named := &db.NamedCertificate{Account: a.ID, Thumbprint: add.Thumbprint, Name: name.Key(), Added: row.StateTime}
		moved, err = s.makeCurrent(tx, named, rev)
		return err
	})
	if err != nil {
		return fmt.Errorf("add certificate %v: %w", add.Thumbprint, err)
	}
	s.log.InfoContext(ctx, "certificate added", "account", a.Name, "thumbprint", add.Thumbprint.String(), "not_after", file.leaf.NotAfter,
		"name", row.Name, "pools", len(moved))
	return s.tellPools(a, moved)
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
// [Service.Run] for its end. It ends the overlap of a certificate with a name; the
// one that is current under it stays in the pools. Refusals: CertificateNotFound,
// CertificateBeingDeleted.
func (s *Service) DeleteCertificate(ctx context.Context, a *Account, tp batch.Thumbprint) error {
	var moved []db.Pool
	err := s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		err := changeState(tx, a.ID, tp, batch.StateDeleting, rev, map[batch.CertificateState]error{
			batch.StateDeleting: errBeingDeleted,
		})
		if err == nil {
			moved, err = endOverlapOfDeleted(tx, a.ID, tp, rev)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete certificate %v: %w", tp, err)
	}
	s.log.InfoContext(ctx, "certificate deletion began", "account", a.Name, "thumbprint", tp.String(), "pools", len(moved))
	return s.tellPools(a, moved)
}

// CancelDeletion makes a certificate active again whose deletion failed.
// Refusals: CertificateNotFound, CertificateBeingDeleted, CertificateStateActive.
func (s *Service) CancelDeletion(ctx context.Context, a *Account, tp batch.Thumbprint) error {
	err := s.write(ctx, a, func(tx *db.Tx, rev int64) error {
		return changeState(tx, a.ID, tp, batch.StateActive, rev, map[batch.CertificateState]error{
			batch.StateDeleting: errBeingDeleted,
			batch.StateActive:   errStateActive,
		})
	})
	if err != nil {
		return fmt.Errorf("cancel deletion of certificate %v: %w", tp, err)
	}
	s.log.InfoContext(ctx, "certificate deletion cancelled", "account", a.Name, "thumbprint", tp.String())
	return nil
}

// changeState moves a certificate to a state, unless its own state is refused.
func changeState(tx *db.Tx, acct int64, tp batch.Thumbprint, to batch.CertificateState, rev int64, refused map[batch.CertificateState]error) error {
	row, err := tx.Certificate(acct, tp)
	if err != nil {
		return orElse(err, errCertificateNotFound)
	}
	if err := refused[row.State]; err != nil {
		return err
	}
	return tx.SetCertificateState(acct, tp, to, now(), "", rev)
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
		Name:                batch.CertificateName(row.Name),
		NameState:           row.NameState,
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
