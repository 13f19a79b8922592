package db

import (
	"time"

	"poolcert/batch"
)

// A Certificate is a row, without the private data.
type Certificate struct {
	Account           int64
	Thumbprint        batch.Thumbprint
	State             batch.CertificateState
	StateTime         time.Time
	PreviousState     batch.CertificateState // empty in the first state
	PreviousStateTime time.Time
	Format            batch.CertificateFormat
	Public            []byte // DER
	DeleteError       string // JSON, or empty
	Revision          int64
	Name              string          // as it is spelled; empty: none
	NameState         batch.NameState // read only, see NamedCertificate; empty without a name
}

// A CertificateFile is what was added, sealed.
type CertificateFile struct {
	Format   batch.CertificateFormat
	Data     []byte
	Password []byte
}

const certificateColumns = `c.acct, c.thumb, c.state, c.state_at, c.prev_state, c.prev_at, c.format, c.public, c.delete_error, c.rev, c.name,
	CASE WHEN c.name = '' THEN '' ELSE COALESCE((SELECT s.state FROM cert_name s WHERE s.acct = c.acct AND s.thumb = c.thumb), '') END`

func (c *Certificate) fields() []any {
	return []any{&c.Account, scanThumbprint{&c.Thumbprint}, &c.State, scanTime{&c.StateTime}, &c.PreviousState,
		scanTime{&c.PreviousStateTime}, &c.Format, &c.Public, &c.DeleteError, &c.Revision, &c.Name, &c.NameState}
}

// Certificate returns one certificate.
func (tx *Tx) Certificate(acct int64, tp batch.Thumbprint) (*Certificate, error) {
	c := new(Certificate)
	if err := tx.row(c.fields(), `SELECT `+certificateColumns+` FROM cert c WHERE acct = ? AND thumb = ?`, acct, tp.String()); err != nil {
		return nil, err
	}
	return c, nil
}

var certificateProperties = map[string]property{
	"state":               {expr: "state"},
	"thumbprint":          {expr: "thumb"},
	"stateTransitionTime": {expr: "state_at", kind: isTime},
}

// Certificates returns up to limit certificates after one, or from the start.
func (tx *Tx) Certificates(acct int64, after *batch.Thumbprint, f *Filter, limit int) ([]Certificate, error) {
	where, args, err := f.where(certificateProperties)
	if err != nil {
		return nil, err
	}
	start := ""
	if after != nil {
		start = after.String()
	}
	return rows(tx, (*Certificate).fields,
		`SELECT `+certificateColumns+` FROM cert c WHERE acct = ? AND thumb > ? AND `+where+` ORDER BY thumb LIMIT ?`,
		append(append([]any{acct, start}, args...), limit)...)
}

// AddCertificate inserts a certificate with its file.
func (tx *Tx) AddCertificate(c *Certificate, file *CertificateFile) error {
	_, err := tx.exec(`INSERT INTO cert (acct, thumb, state, state_at, prev_state, prev_at, format, public, delete_error, rev, name)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.Account, c.Thumbprint.String(), string(c.State), nanos(c.StateTime), string(c.PreviousState),
		nanos(c.PreviousStateTime), string(c.Format), c.Public, c.DeleteError, c.Revision, c.Name)
	if err != nil {
		return err
	}
	_, err = tx.exec(`INSERT INTO cert_blob (acct, thumb, data, password) VALUES (?, ?, ?, ?)`,
		c.Account, c.Thumbprint.String(), file.Data, file.Password)
	return err
}

// CertificateFile returns the file of a certificate.
func (tx *Tx) CertificateFile(acct int64, tp batch.Thumbprint) (*CertificateFile, error) {
	f := new(CertificateFile)
	err := tx.row([]any{&f.Format, &f.Data, &f.Password},
		`SELECT c.format, b.data, b.password FROM cert c JOIN cert_blob b ON b.acct = c.acct AND b.thumb = c.thumb
		WHERE c.acct = ? AND c.thumb = ?`, acct, tp.String())
	if err != nil {
		return nil, err
	}
	return f, nil
}

// SetCertificateState moves a certificate to another state; the one it leaves
// becomes the previous state.
func (tx *Tx) SetCertificateState(acct int64, tp batch.Thumbprint, state batch.CertificateState, at time.Time, deleteError string, rev int64) error {
	return tx.one(`UPDATE cert SET prev_state = state, prev_at = state_at, state = ?, state_at = ?, delete_error = ?, rev = ?
		WHERE acct = ? AND thumb = ?`, string(state), nanos(at), deleteError, rev, acct, tp.String())
}

// DeleteCertificate removes a certificate with its file and what nodes said of it.
// It fails while a pool refers to it.
func (tx *Tx) DeleteCertificate(acct int64, tp batch.Thumbprint) error {
	return tx.one(`DELETE FROM cert WHERE acct = ? AND thumb = ?`, acct, tp.String())
}

// Who holds the certificate of the row c.
const (
	referring = `SELECT 1 FROM pool_ref r WHERE r.acct = c.acct AND r.thumb = c.thumb`
	holding   = `SELECT 1 FROM node_cert n WHERE n.acct = c.acct AND n.thumb = c.thumb AND n.state IN ('delivering', 'installed')`
)

// EndingDeletions returns up to limit certificates in the state deleting that
// nobody holds, or that are in it since before the deadline.
func (tx *Tx) EndingDeletions(deadline time.Time, limit int) ([]Certificate, error) {
	return rows(tx, (*Certificate).fields,
		`SELECT `+certificateColumns+` FROM cert c WHERE state = 'deleting'
		AND (state_at <= ? OR NOT EXISTS (`+referring+`) AND NOT EXISTS (`+holding+`)) ORDER BY state_at LIMIT ?`, nanos(deadline), limit)
}

// OldestDeletion returns since when the first certificate is in the state
// deleting, the zero time when none is.
func (tx *Tx) OldestDeletion() (at time.Time, err error) {
	err = tx.row([]any{scanTime{&at}}, `SELECT coalesce(min(state_at), 0) FROM cert WHERE state = 'deleting'`)
	return at, err
}

// A Holder is a pool that refers to a certificate, or a node that has it or may
// have it.
type Holder struct {
	Pool string // its name
	Node string // empty for a pool
}

// Holders returns up to limit holders of a certificate, pools first.
func (tx *Tx) Holders(acct int64, tp batch.Thumbprint, limit int) ([]Holder, error) {
	fields := func(h *Holder) []any { return []any{&h.Pool, &h.Node} }
	pools, err := rows(tx, fields, `SELECT p.name, '' FROM pool_ref r JOIN pool p ON p.acct = r.acct AND p.id = r.pool
		WHERE r.acct = ? AND r.thumb = ? ORDER BY p.id LIMIT ?`, acct, tp.String(), limit)
	if err != nil || len(pools) == limit {
		return pools, err
	}
	nodes, err := rows(tx, fields, `SELECT p.name, n.node FROM node_cert n JOIN pool p ON p.acct = n.acct AND p.id = n.pool
		WHERE n.acct = ? AND n.thumb = ? AND n.state IN ('delivering', 'installed') ORDER BY n.pool, n.node LIMIT ?`,
		acct, tp.String(), limit-len(pools))
	return append(pools, nodes...), err
}
