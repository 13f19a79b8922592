package dbtest

import (
	"testing"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

func testAccounts(t *testing.T, d *db.DB) {
	var second *db.Account
	update(t, d, func(tx *db.Tx) (err error) {
		if _, err = addAccount(tx, "zebra"); err == nil {
			second, err = addAccount(tx, "ant")
		}
		return err
	})
	view(t, d, func(tx *db.Tx) error {
		got, err := tx.Account("ant")
		equal(t, got, err, second)
		name, err := tx.AccountName(second.ID)
		equal(t, name, err, "ant")
		names, err := tx.AccountNames()
		equal(t, names, err, []string{"ant", "zebra"})
		_, err = tx.Account("bee")
		wantError(t, err, db.ErrNotFound)
		return nil
	})
	update(t, d, func(tx *db.Tx) error {
		for want := range int64(3) {
			rev, err := tx.NextRevision(second.ID)
			equal(t, rev, err, want+1)
		}
		_, err := tx.NextRevision(99)
		wantError(t, err, db.ErrNotFound)
		return nil
	})
}

func testDataKeys(t *testing.T, d *db.DB) {
	key := db.DataKey{ID: 1, Master: "m", Sealed: []byte{0, 255}, Created: start}
	update(t, d, func(tx *db.Tx) error { return tx.AddDataKey(&key) })
	view(t, d, func(tx *db.Tx) error {
		keys, err := tx.DataKeys()
		equal(t, keys, err, []db.DataKey{key})
		return nil
	})
}

func testCertificates(t *testing.T, d *db.DB) {
	fill(t, d)
	var want *db.Certificate
	update(t, d, func(tx *db.Tx) (err error) {
		if want, err = addCertificate(tx, 1, 8); err != nil {
			return err
		}
		if err := tx.SetCertificateState(1, thumbprint(8), batch.StateDeleting, start.Add(time.Hour), "", 20); err != nil {
			return err
		}
		return tx.SetCertificateState(1, thumbprint(8), batch.StateDeleteFailed, start.Add(2*time.Hour), "{}", 21)
	})
	want.State, want.StateTime = batch.StateDeleteFailed, start.Add(2*time.Hour)
	want.PreviousState, want.PreviousStateTime = batch.StateDeleting, start.Add(time.Hour)
	want.DeleteError, want.Revision = "{}", 21
	view(t, d, func(tx *db.Tx) error {
		got, err := tx.Certificate(1, thumbprint(8))
		equal(t, got, err, want)
		file, err := tx.CertificateFile(1, thumbprint(8))
		equal(t, file, err, &db.CertificateFile{Format: batch.FormatPFX, Data: []byte("sealed file"), Password: []byte("sealed password")})
		_, err = tx.Certificate(2, thumbprint(8))
		wantError(t, err, db.ErrNotFound)
		return nil
	})
	update(t, d, func(tx *db.Tx) error { return tx.DeleteCertificate(1, thumbprint(8)) })
	update(t, d, func(tx *db.Tx) error {
		_, err := tx.Certificate(1, thumbprint(8))
		wantError(t, err, db.ErrNotFound)
		_, err = tx.CertificateFile(1, thumbprint(8))
		wantError(t, err, db.ErrNotFound)
		wantError(t, tx.DeleteCertificate(1, thumbprint(8)), db.ErrNotFound)
		wantError(t, tx.SetCertificateState(1, thumbprint(8), batch.StateActive, start, "", 1), db.ErrNotFound)
		return nil
	})
}

// testCertificatePages reads pages while rows come and go: a row that is there
// throughout appears once.
func testCertificatePages(t *testing.T, d *db.DB) {
	fill(t, d)
	var seen []batch.Thumbprint
	var after *batch.Thumbprint
	for page := 0; ; page++ {
		var got []db.Certificate
		view(t, d, func(tx *db.Tx) (err error) { got, err = tx.Certificates(1, after, nil, 2); return err })
		if len(got) == 0 {
			break
		}
		for _, c := range got {
			seen = append(seen, c.Thumbprint)
		}
		after = &seen[len(seen)-1]
		if page == 0 {
			update(t, d, func(tx *db.Tx) error {
				if _, err := addCertificate(tx, 1, 0); err != nil {
					return err
				}
				return tx.DeleteCertificate(1, *after)
			})
		}
	}
	equal(t, seen, nil, []batch.Thumbprint{thumbprint(1), thumbprint(2), thumbprint(3), thumbprint(4), thumbprint(5)})
}

func testDeletions(t *testing.T, d *db.DB) {
	fill(t, d)
	update(t, d, func(tx *db.Tx) error {
		at, err := tx.OldestDeletion()
		equal(t, at, err, time.Time{})
		for n := 1; n <= 5; n++ { // 1: referenced by pool a; 2: on the node; 3: was on the node; 4, 5: free
			if err := tx.SetCertificateState(1, thumbprint(n), batch.StateDeleting, start.Add(time.Duration(n)*time.Minute), "", 9); err != nil {
				return err
			}
		}
		for n, state := range map[int]batch.NodeCertificateState{2: batch.NodeDelivering, 3: batch.NodeRemoved} {
			err := tx.SetNodeCertificate(&db.NodeCertificate{Account: 1, Pool: "a", Node: "n", Thumbprint: thumbprint(n), State: state, Time: start})
			if err != nil {
				return err
			}
		}
		return nil
	})
	ending := func(tx *db.Tx, deadline time.Time) (got []batch.Thumbprint, err error) {
		found, err := tx.EndingDeletions(deadline, 10)
		for _, c := range found {
			got = append(got, c.Thumbprint)
		}
		return got, err
	}
	view(t, d, func(tx *db.Tx) error {
		got, err := ending(tx, start)
		equal(t, got, err, []batch.Thumbprint{thumbprint(3), thumbprint(4), thumbprint(5)})
		got, err = ending(tx, start.Add(time.Minute))
		equal(t, got, err, []batch.Thumbprint{thumbprint(1), thumbprint(3), thumbprint(4), thumbprint(5)})
		at, err := tx.OldestDeletion()
		equal(t, at, err, start.Add(time.Minute))

		for n, want := range map[int][]db.Holder{1: {{Pool: "Name of a"}}, 2: {{Pool: "Name of a", Node: "n"}}, 3: nil} {
			holders, err := tx.Holders(1, thumbprint(n), 10)
			equal(t, holders, err, want)
		}
		return nil
	})
}

func testPools(t *testing.T, d *db.DB) {
	fill(t, d)
	var want *db.Pool
	update(t, d, func(tx *db.Tx) (err error) {
		want, err = addPool(tx, 1, "c", 2, 3)
		if err != nil {
			return err
		}
		want.Revision, want.ReferencesRevision, want.Modified = 30, 29, start.Add(3*time.Hour)
		want.References, want.Properties = `[1]`, `{"a":1}`
		if err := tx.SetPool(want); err != nil {
			return err
		}
		_, err = addNode(tx, 1, "c", "x")
		return err
	})
	view(t, d, func(tx *db.Tx) error {
		got, err := tx.Pool(1, "c")
		equal(t, got, err, want)
		for pool, want := range map[string]int{"b": 0, "c": 1} {
			nodes, err := tx.CountNodes(1, pool)
			equal(t, nodes, err, want)
		}
		page, err := tx.Pools(1, "b", nil, 10)
		equal(t, page, err, []db.Pool{*want})
		for n, want := range map[int]bool{1: false, 2: true, 3: true} {
			refers, err := tx.PoolRefersTo(1, "c", thumbprint(n))
			equal(t, refers, err, want)
		}
		referred, err := tx.PoolCertificates(1, "c")
		equal(t, referred, err, []batch.Thumbprint{thumbprint(2), thumbprint(3)})
		return nil
	})
	update(t, d, func(tx *db.Tx) error {
		if err := tx.SetPoolReferences(1, "c", []db.PoolReference{{Thumbprint: thumbprint(3)}, {Thumbprint: thumbprint(4)}}); err != nil {
			return err
		}
		refers, err := tx.PoolRefersTo(1, "c", thumbprint(2))
		equal(t, refers, err, false)
		return tx.DeletePool(1, "c")
	})
	update(t, d, func(tx *db.Tx) error {
		_, err := tx.Node(1, "c", "x")
		wantError(t, err, db.ErrNotFound)
		wantError(t, tx.DeletePool(1, "c"), db.ErrNotFound)
		wantError(t, tx.SetPool(want), db.ErrNotFound)
		return tx.DeleteCertificate(1, thumbprint(3)) // no longer referred to
	})
}

func testJoinTokens(t *testing.T, d *db.DB) {
	fill(t, d)
	limited := db.JoinToken{ID: "limited", Account: 1, Pool: "a", Hash: []byte("h"), Created: start, Expires: start.Add(time.Hour), UsesLeft: 2}
	endless := db.JoinToken{ID: "endless", Account: 1, Pool: "a", Hash: []byte("i"), Created: start.Add(1), Expires: start.Add(time.Hour), UsesLeft: db.NoLimit}
	update(t, d, func(tx *db.Tx) error {
		if err := tx.AddJoinToken(&limited); err != nil {
			return err
		}
		return tx.AddJoinToken(&endless)
	})
	update(t, d, func(tx *db.Tx) error {
		for range 2 {
			equal(t, nil, tx.UseJoinToken("limited"), nil)
		}
		for range 5 {
			equal(t, nil, tx.UseJoinToken("endless"), nil)
		}
		wantError(t, tx.UseJoinToken("limited"), db.ErrNotFound)
		wantError(t, tx.UseJoinToken("unknown"), db.ErrNotFound)
		limited.UsesLeft = 0
		got, err := tx.JoinToken("limited")
		equal(t, got, err, &limited)
		list, err := tx.JoinTokens(1, "a")
		equal(t, list, err, []db.JoinToken{limited, endless})
		wantError(t, tx.DeleteJoinToken(1, "b", "limited"), db.ErrNotFound)
		equal(t, nil, tx.DeleteJoinToken(1, "a", "limited"), nil)
		return tx.DeletePool(1, "a")
	})
	view(t, d, func(tx *db.Tx) error {
		_, err := tx.JoinToken("endless")
		wantError(t, err, db.ErrNotFound)
		return nil
	})
}

func testNodes(t *testing.T, d *db.DB) {
	fill(t, d)
	var want *db.Node
	update(t, d, func(tx *db.Tx) (err error) {
		want, err = addNode(tx, 1, "b", "m")
		if err != nil {
			return err
		}
		want.Booted, want.Reported, want.Seen, want.Revision, want.AgentVersion, want.Hooks = start.Add(1), start.Add(2), start.Add(3), "r", "v1", "[]"
		want.State, want.StateTime, want.Address = batch.NodeUnusable, start.Add(2), "192.0.2.1"
		if err := tx.SetNodeReport(want); err != nil {
			return err
		}
		want.SealKey = []byte("other")
		return tx.SetNodeSealKey(1, "b", "m", want.SealKey)
	})
	update(t, d, func(tx *db.Tx) error {
		equal(t, nil, tx.SetNodeSeen(want.KeySHA256, start.Add(9), time.Minute), nil)
		return tx.SetNodeSeen(want.KeySHA256, start.Add(8), time.Minute) // older: no change
	})
	want.Seen = start.Add(9)
	view(t, d, func(tx *db.Tx) error {
		got, err := tx.Node(1, "b", "m")
		equal(t, got, err, want)
		got, err = tx.NodeByKey(want.KeySHA256)
		equal(t, got, err, want)
		page, err := tx.Nodes(1, "b", "", nil, start, 10)
		equal(t, page, err, []db.Node{*want})
		page, err = tx.Nodes(1, "b", "m", nil, start, 10)
		equal(t, page, err, []db.Node(nil))
		keys, err := tx.NodeKeys(1, "b")
		equal(t, keys, err, [][32]byte{want.KeySHA256})
		absent, err := tx.AbsentNodes(start.Add(9), 10)
		equal(t, len(absent), err, 1) // that of pool a
		absent, err = tx.AbsentNodes(start.Add(10), 10)
		equal(t, len(absent), err, 2)
		equal(t, absent[1], nil, *want)
		absent, err = tx.AbsentNodes(start.Add(10), 1)
		equal(t, len(absent), err, 1)
		return nil
	})
	// After a long absence it is back.
	want.Seen, want.StateTime = start.Add(time.Hour), start.Add(time.Hour)
	update(t, d, func(tx *db.Tx) error { return tx.SetNodeSeen(want.KeySHA256, start.Add(time.Hour), time.Minute) })
	view(t, d, func(tx *db.Tx) error {
		got, err := tx.Node(1, "b", "m")
		equal(t, got, err, want)
		return nil
	})
	update(t, d, func(tx *db.Tx) error { return tx.DeleteNode(1, "b", "m") })
	update(t, d, func(tx *db.Tx) error {
		wantError(t, tx.DeleteNode(1, "b", "m"), db.ErrNotFound)
		wantError(t, tx.SetNodeReport(want), db.ErrNotFound)
		_, err := tx.NodeByKey(want.KeySHA256)
		wantError(t, err, db.ErrNotFound)
		return nil
	})
}

func testNodeCertificates(t *testing.T, d *db.DB) {
	fill(t, d)
	first := db.NodeCertificate{Account: 1, Pool: "a", Node: "n", Thumbprint: thumbprint(1), State: batch.NodeDelivering, Time: start}
	second := db.NodeCertificate{Account: 1, Pool: "a", Node: "n", Thumbprint: thumbprint(2), State: batch.NodeInstalled, Time: start, PublicOnly: true}
	unknown := db.NodeCertificate{Account: 1, Pool: "a", Node: "n", Thumbprint: thumbprint(77), State: batch.NodeInstalled, Time: start}
	update(t, d, func(tx *db.Tx) error {
		for _, c := range []db.NodeCertificate{first, second, unknown} {
			if err := tx.SetNodeCertificate(&c); err != nil {
				return err
			}
		}
		first.State, first.Time, first.Error = batch.NodeFailed, start.Add(1), "disk full"
		return tx.SetNodeCertificate(&first)
	})
	update(t, d, func(tx *db.Tx) error {
		got, err := tx.NodeCertificates(1, "a", "n")
		equal(t, got, err, []db.NodeCertificate{first, second})
		equal(t, nil, tx.DeleteNodeCertificate(1, "a", "n", thumbprint(1)), nil)
		equal(t, nil, tx.DeleteNodeCertificate(1, "a", "n", thumbprint(1)), nil)
		equal(t, nil, tx.DeleteCertificate(1, thumbprint(2)), nil)
		got, err = tx.NodeCertificates(1, "a", "n")
		equal(t, got, err, []db.NodeCertificate(nil))
		return nil
	})
	// Of the named nodes, and not of those between them.
	var ends []db.NodeCertificate
	update(t, d, func(tx *db.Tx) error {
		for _, id := range []string{"x1", "x2", "x3"} {
			if _, err := addNode(tx, 1, "a", id); err != nil {
				return err
			}
			c := db.NodeCertificate{Account: 1, Pool: "a", Node: id, Thumbprint: thumbprint(3), State: batch.NodeInstalled, Time: start}
			if err := tx.SetNodeCertificate(&c); err != nil {
				return err
			}
			if id != "x2" {
				ends = append(ends, c)
			}
		}
		return nil
	})
	view(t, d, func(tx *db.Tx) error {
		got, err := tx.NodeCertificates(1, "a", "x3", "x1")
		equal(t, got, err, ends)
		got, err = tx.NodeCertificates(1, "a")
		equal(t, got, err, []db.NodeCertificate(nil))
		return nil
	})
}

// testConstraints: the database refuses what the rules of package account already
// prevent.
func testConstraints(t *testing.T, d *db.DB) {
	fill(t, d)
	for name, fn := range map[string]func(*db.Tx) error{
		"delete a certificate in use": func(tx *db.Tx) error { return tx.DeleteCertificate(1, thumbprint(1)) },
		"refer to no certificate": func(tx *db.Tx) error {
			return tx.SetPoolReferences(1, "a", []db.PoolReference{{Thumbprint: thumbprint(99)}})
		},
		"the same certificate twice":  func(tx *db.Tx) error { _, err := addCertificate(tx, 1, 1); return err },
		"the same pool twice":         func(tx *db.Tx) error { _, err := addPool(tx, 1, "a"); return err },
		"the same account name twice": func(tx *db.Tx) error { _, err := addAccount(tx, "first"); return err },
		"the same node key twice":     func(tx *db.Tx) error { _, err := addNode(tx, 1, "b", "n"); return err },
		"a node of no pool":           func(tx *db.Tx) error { _, err := addNode(tx, 1, "z", "y"); return err },
		"a token of no pool":          func(tx *db.Tx) error { return tx.AddJoinToken(&db.JoinToken{ID: "x", Account: 1, Pool: "z"}) },
		"a state that does not exist": func(tx *db.Tx) error { return tx.SetCertificateState(1, thumbprint(2), "gone", start, "", 1) },
		"a certificate of no account": func(tx *db.Tx) error { _, err := addCertificate(tx, 9, 1); return err },
		"certificate of a missing node": func(tx *db.Tx) error {
			return tx.SetNodeCertificate(&db.NodeCertificate{Account: 1, Pool: "a", Node: "z", Thumbprint: thumbprint(1), State: batch.NodeInstalled})
		},
	} {
		if err := d.Update(t.Context(), fn); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
