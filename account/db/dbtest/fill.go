package dbtest

import (
	"testing"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

// Fill makes an account with so many certificates, at least five, and at least one
// row of every other kind.
func Fill(t *testing.T, d *db.DB, certificates int) {
	t.Helper()
	fill(t, d)
	update(t, d, func(tx *db.Tx) error {
		for n := 6; n <= certificates; n++ {
			if _, err := addCertificate(tx, 1, n); err != nil {
				return err
			}
		}
		if err := tx.AddDataKey(&db.DataKey{ID: 1, Master: "m", Sealed: []byte{0, 255}, Created: start}); err != nil {
			return err
		}
		err := tx.AddJoinToken(&db.JoinToken{ID: "t", Account: 1, Pool: "a", Hash: []byte("h"), Created: start,
			Expires: start.Add(time.Hour), UsesLeft: db.NoLimit})
		if err != nil {
			return err
		}
		err = tx.SetName(&db.NamedCertificate{Account: 1, Thumbprint: thumbprint(3), Name: "key", State: batch.NameCurrent, Added: start, Revision: 1})
		if err != nil {
			return err
		}
		if err := tx.Evict(1, [32]byte{1}, start); err != nil {
			return err
		}
		err = tx.NoteCertificateUse(&db.CertificateUse{Account: 1, Pool: "a", Thumbprint: thumbprint(2), Node: "n", Time: start})
		if err != nil {
			return err
		}
		return tx.SetNodeCertificate(&db.NodeCertificate{Account: 1, Pool: "a", Node: "n", Thumbprint: thumbprint(2),
			State: batch.NodeInstalled, Time: start, Error: "é"})
	})
}
