package dbtest

import (
	"testing"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

// testPlacements has pool a, which refers to the certificate 1, and pool b,
// which refers to none: see fill.
func testPlacements(t *testing.T, d *db.DB) {
	fill(t, d)
	update(t, d, func(tx *db.Tx) error {
		for _, id := range []string{"a/o", "a/p", "b/m", "b/x"} {
			if _, err := addNode(tx, 1, id[:1], id[2:]); err != nil {
				return err
			}
		}
		for id, state := range map[string]batch.NodeCertificateState{"a/n": batch.NodeInstalled, "a/o": batch.NodeRemoved, "b/m": batch.NodeRemoved} {
			c := db.NodeCertificate{Account: 1, Pool: id[:1], Node: id[2:], Thumbprint: thumbprint(1), State: state, Time: start, Error: "e", PublicOnly: true}
			if err := tx.SetNodeCertificate(&c); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, d, func(tx *db.Tx) error {
		a := db.PoolPlacement{ID: "a", Name: "Name of a", Refers: true, Nodes: 3, Installed: 1, Removed: 1}
		b := db.PoolPlacement{ID: "b", Name: "Name of b", Nodes: 2, Removed: 1}
		pools, err := tx.PoolPlacements(1, thumbprint(1), "", 10)
		equal(t, pools, err, []db.PoolPlacement{a, b})
		pools, err = tx.PoolPlacements(1, thumbprint(1), "a", 10)
		equal(t, pools, err, []db.PoolPlacement{b})
		pools, err = tx.PoolPlacements(1, thumbprint(1), "", 1)
		equal(t, pools, err, []db.PoolPlacement{a})
		pools, err = tx.PoolPlacements(1, thumbprint(5), "", 10)
		equal(t, len(pools), err, 0)

		type place struct {
			node  string
			state batch.NodeCertificateState
		}
		all := []place{{"a/n", "installed"}, {"a/o", "waiting"}, {"a/p", "waiting"}, {"b/m", "removed"}}
		for _, test := range []struct {
			pool, node string
			filter     *db.Filter
			limit      int
			want       []place
		}{
			{"", "", nil, 10, all},
			{"", "", nil, 2, all[:2]},
			{"a", "o", nil, 10, all[2:]},
			{"a", "p", nil, 10, all[3:]},
			{"b", "m", nil, 10, nil},
			{"", "", &db.Filter{Op: db.EQ, Property: "state", Value: "Waiting"}, 10, all[1:3]},
			{"a", "o", &db.Filter{Op: db.EQ, Property: "state", Value: "waiting"}, 10, all[2:3]},
			{"", "", &db.Filter{Op: db.NE, Property: "poolId", Value: "a"}, 10, all[3:]},
			{"", "", &db.Filter{Op: db.StartsWith, Property: "nodeId", Value: "m"}, 10, all[3:]},
		} {
			rows, err := tx.NodePlacements(1, thumbprint(1), test.pool, test.node, test.filter, test.limit)
			var got []place
			for _, r := range rows {
				got = append(got, place{r.Pool + "/" + r.Node, r.State})
			}
			if err != nil || len(got) != len(test.want) {
				t.Errorf("%+v: got %v, %v", test, got, err)
				continue
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("%+v: got %v", test, got)
				}
			}
		}
		rows, err := tx.NodePlacements(1, thumbprint(1), "", "", nil, 1)
		node, nodeErr := tx.Node(1, "a", "n")
		equal(t, nil, nodeErr, nil)
		equal(t, rows, err, []db.NodePlacement{{Pool: "a", PoolName: "Name of a", Node: "n", KeySHA256: node.KeySHA256, Seen: start,
			State: batch.NodeInstalled, Time: start, Error: "e", PublicOnly: true}})
		_, err = tx.NodePlacements(1, thumbprint(1), "", "", &db.Filter{Op: db.EQ, Property: "error", Value: "e"}, 1)
		wantError(t, err, db.ErrFilter)
		return nil
	})
}

func testWatch(t *testing.T, d *db.DB) {
	for _, want := range []db.Watch{{}, {Since: start, Last: start}, {Since: start, Last: start.Add(time.Hour)}} {
		if want != (db.Watch{}) {
			update(t, d, func(tx *db.Tx) error { return tx.SetWatch(want) })
		}
		view(t, d, func(tx *db.Tx) error {
			got, err := tx.Watch()
			equal(t, got, err, want)
			return nil
		})
	}
	// Who was seen after a backup is not in it.
	if err := d.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	view(t, d, func(tx *db.Tx) error {
		got, err := tx.Watch()
		equal(t, got, err, db.Watch{})
		return nil
	})
}
