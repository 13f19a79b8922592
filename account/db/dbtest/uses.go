package dbtest

import (
	"testing"
	"time"

	"poolcert/account/db"
)

// testCertificateUses: the latest use of a pool counts, whoever tells it last; it goes
// with the pool, and with the certificate.
func testCertificateUses(t *testing.T, d *db.DB) {
	fill(t, d)
	note := func(n int, node string, at time.Time) {
		update(t, d, func(tx *db.Tx) error {
			return tx.NoteCertificateUse(&db.CertificateUse{Account: 1, Pool: "b", Thumbprint: thumbprint(n), Node: node, Time: at})
		})
	}
	want := func(node string, at time.Time) {
		t.Helper()
		view(t, d, func(tx *db.Tx) error {
			pools, err := tx.PoolPlacements(1, thumbprint(4), "", 10)
			if err == nil && len(pools) != 1 {
				t.Fatalf("got %+v", pools)
			}
			equal(t, pools[0].LastUsedNode, err, node)
			equal(t, pools[0].LastUsed, err, at)
			return nil
		})
	}
	note(4, "m", start)
	want("m", start)
	note(4, "o", start.Add(-time.Minute))
	want("m", start)
	note(4, "o", start.Add(time.Minute))
	want("o", start.Add(time.Minute))
	note(77, "o", start) // not there
	update(t, d, func(tx *db.Tx) error { return tx.DeletePool(1, "b") })
	view(t, d, func(tx *db.Tx) error {
		pools, err := tx.PoolPlacements(1, thumbprint(4), "", 10)
		equal(t, len(pools), err, 0)
		return nil
	})
}
