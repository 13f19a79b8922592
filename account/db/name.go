package db

import (
	"time"

	"poolcert/batch"
)

// A NamedCertificate is a row: one certificate of a name's history.
type NamedCertificate struct {
	Account    int64
	Thumbprint batch.Thumbprint
	Name       string // lower case
	State      batch.NameState
	Added      time.Time
	Until      time.Time // when it leaves the pools, or left them; zero for the current one
	Revision   int64     // that made it the current one
}

const nameColumns = `n.acct, n.thumb, n.id, n.state, n.added, n.until, n.rev`

func (n *NamedCertificate) fields() []any {
	return []any{&n.Account, scanThumbprint{&n.Thumbprint}, &n.Name, &n.State, scanTime{&n.Added}, scanTime{&n.Until}, &n.Revision}
}

// SetName writes what a name has to do with a certificate. A name has at most one
// that is current.
func (tx *Tx) SetName(n *NamedCertificate) error {
	_, err := tx.exec(`INSERT INTO cert_name (acct, thumb, id, state, added, until, rev) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (acct, thumb) DO UPDATE SET state = excluded.state, until = excluded.until, rev = excluded.rev`,
		n.Account, n.Thumbprint.String(), n.Name, string(n.State), nanos(n.Added), nanos(n.Until), n.Revision)
	return err
}

// NameOf returns what names have to do with a certificate.
func (tx *Tx) NameOf(acct int64, tp batch.Thumbprint) (*NamedCertificate, error) {
	n := new(NamedCertificate)
	if err := tx.row(n.fields(), `SELECT `+nameColumns+` FROM cert_name n WHERE n.acct = ? AND n.thumb = ?`, acct, tp.String()); err != nil {
		return nil, err
	}
	return n, nil
}

// NameSpelling returns a name as its first certificate has it.
func (tx *Tx) NameSpelling(acct int64, name string) (spelling string, err error) {
	err = tx.row([]any{&spelling}, `SELECT c.name FROM cert_name n JOIN cert c ON c.acct = n.acct AND c.thumb = n.thumb
		WHERE n.acct = ? AND n.id = ? ORDER BY n.rev LIMIT 1`, acct, name)
	return spelling, err
}

// NameMembers returns what pools that refer to the name have: the current
// certificate first, if there is one, then those in their overlap, the latest first.
func (tx *Tx) NameMembers(acct int64, name string) ([]NamedCertificate, error) {
	return rows(tx, (*NamedCertificate).fields, `SELECT `+nameColumns+` FROM cert_name n
		WHERE n.acct = ? AND n.id = ? AND n.state <> 'past' ORDER BY CASE n.state WHEN 'current' THEN 0 ELSE 1 END, n.rev DESC`, acct, name)
}

// A NameEntry is a certificate with its place in the history of its name.
type NameEntry struct {
	Certificate
	Named NamedCertificate
}

// NameHistory returns up to limit certificates of a name that became current before
// a revision, the latest first. The current one is the first of all.
func (tx *Tx) NameHistory(acct int64, name string, before int64, limit int) ([]NameEntry, error) {
	fields := func(e *NameEntry) []any { return append(e.Certificate.fields(), e.Named.fields()...) }
	return rows(tx, fields, `SELECT `+certificateColumns+`, `+nameColumns+` FROM cert_name n JOIN cert c ON c.acct = n.acct AND c.thumb = n.thumb
		WHERE n.acct = ? AND n.id = ? AND n.rev < ? ORDER BY n.rev DESC LIMIT ?`, acct, name, before, limit)
}

// EndedOverlaps returns up to limit certificates whose overlap was to end by now.
func (tx *Tx) EndedOverlaps(now time.Time, limit int) ([]NamedCertificate, error) {
	return rows(tx, (*NamedCertificate).fields,
		`SELECT `+nameColumns+` FROM cert_name n WHERE n.state = 'overlap' AND n.until <= ? ORDER BY n.until LIMIT ?`, nanos(now), limit)
}

// NextOverlapEnd returns when the next overlap ends, the zero time when none does.
func (tx *Tx) NextOverlapEnd() (at time.Time, err error) {
	err = tx.row([]any{scanTime{&at}}, `SELECT coalesce(min(until), 0) FROM cert_name WHERE state = 'overlap'`)
	return at, err
}

// PoolsNaming returns the pools that refer to a certificate by the name.
func (tx *Tx) PoolsNaming(acct int64, name string, tp batch.Thumbprint) ([]Pool, error) {
	return rows(tx, (*Pool).fields, `SELECT `+poolColumns+` FROM pool WHERE acct = ? AND id IN
		(SELECT r.pool FROM pool_ref r WHERE r.acct = ? AND r.thumb = ? AND r.name = ?) ORDER BY id`, acct, acct, tp.String(), name)
}
