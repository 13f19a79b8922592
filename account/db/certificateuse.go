package db

import (
	"time"

	"poolcert/batch"
)

// A CertificateUse is a row: when a certificate's key was used last in a pool, and
// on which node, which may be gone.
type CertificateUse struct {
	Account    int64
	Pool       string
	Thumbprint batch.Thumbprint
	Node       string
	Time       time.Time
}

// NoteCertificateUse keeps the use, unless a later one is known. A certificate that
// the account doesn't have is left out.
func (tx *Tx) NoteCertificateUse(u *CertificateUse) error {
	_, err := tx.exec(`INSERT INTO cert_use (acct, thumb, pool, node, at)
		SELECT acct, thumb, ?, ?, ? FROM cert WHERE acct = ? AND thumb = ?
		ON CONFLICT (acct, thumb, pool) DO UPDATE SET node = excluded.node, at = excluded.at WHERE excluded.at > cert_use.at`,
		u.Pool, u.Node, nanos(u.Time), u.Account, u.Thumbprint.String())
	return err
}
