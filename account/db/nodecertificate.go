package db

import (
	"strings"
	"time"

	"poolcert/batch"
)

// A NodeCertificate is a row: one certificate on one node.
type NodeCertificate struct {
	Account    int64
	Pool, Node string
	Thumbprint batch.Thumbprint
	State      batch.NodeCertificateState
	Time       time.Time
	Error      string
	PublicOnly bool // installed without a private key
	KeyInFiles bool // files on the node hold the key
}

const nodeCertificateColumns = `acct, pool, node, thumb, state, at, error, public_only, key_files`

func (c *NodeCertificate) fields() []any {
	return []any{&c.Account, &c.Pool, &c.Node, scanThumbprint{&c.Thumbprint}, &c.State, scanTime{&c.Time}, &c.Error, &c.PublicOnly, &c.KeyInFiles}
}

// NodeCertificates returns the certificates of some of the pool's nodes, in the
// order of nodes and thumbprints.
func (tx *Tx) NodeCertificates(acct int64, pool string, nodes ...string) ([]NodeCertificate, error) {
	if len(nodes) == 0 {
		return nil, nil
	}
	args := []any{acct, pool}
	for _, id := range nodes {
		args = append(args, id)
	}
	return rows(tx, (*NodeCertificate).fields,
		`SELECT `+nodeCertificateColumns+` FROM node_cert WHERE acct = ? AND pool = ? AND node IN (?`+
			strings.Repeat(", ?", len(nodes)-1)+`) ORDER BY node, thumb`, args...)
}

// SetNodeCertificate inserts or replaces a row. A certificate that the account
// doesn't have is left out.
func (tx *Tx) SetNodeCertificate(c *NodeCertificate) error {
	_, err := tx.exec(`INSERT INTO node_cert (`+nodeCertificateColumns+`)
		SELECT acct, ?, ?, thumb, ?, ?, ?, ?, ? FROM cert WHERE acct = ? AND thumb = ?
		ON CONFLICT (acct, pool, node, thumb) DO UPDATE SET state = excluded.state, at = excluded.at, error = excluded.error,
			public_only = excluded.public_only, key_files = excluded.key_files`,
		c.Pool, c.Node, string(c.State), nanos(c.Time), c.Error, flag(c.PublicOnly), flag(c.KeyInFiles), c.Account, c.Thumbprint.String())
	return err
}

// DeleteNodeCertificate removes a row if it is there.
func (tx *Tx) DeleteNodeCertificate(acct int64, pool, node string, tp batch.Thumbprint) error {
	_, err := tx.exec(`DELETE FROM node_cert WHERE acct = ? AND pool = ? AND node = ? AND thumb = ?`, acct, pool, node, tp.String())
	return err
}

// NodeCertificateState returns how far a certificate is on a node.
func (tx *Tx) NodeCertificateState(acct int64, pool, node string, tp batch.Thumbprint) (state batch.NodeCertificateState, err error) {
	err = tx.row([]any{&state}, `SELECT state FROM node_cert WHERE acct = ? AND pool = ? AND node = ? AND thumb = ?`,
		acct, pool, node, tp.String())
	return state, err
}
