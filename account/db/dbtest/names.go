package dbtest

import (
	"math"
	"testing"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

func testNames(t *testing.T, d *db.DB) {
	fill(t, d)
	named := func(n int, state batch.NameState, until time.Duration) *db.NamedCertificate {
		c := &db.NamedCertificate{Account: 1, Thumbprint: thumbprint(n), Name: "key", State: state, Added: start, Revision: int64(10 * n)}
		if state != batch.NameCurrent {
			c.Until = start.Add(until)
		}
		return c
	}
	past, early, late, current := named(1, batch.NamePast, 0), named(2, batch.NameOverlap, time.Hour), named(3, batch.NameOverlap, 2*time.Hour), named(4, batch.NameCurrent, 0)
	var spelled *db.Certificate
	update(t, d, func(tx *db.Tx) error {
		at, err := tx.NextOverlapEnd()
		equal(t, at, err, time.Time{})
		_, err = tx.NameSpelling(1, "key")
		wantError(t, err, db.ErrNotFound)
		if spelled, err = addCertificate(tx, 1, 9); err != nil {
			return err
		}
		for _, c := range []*db.NamedCertificate{past, early, late, current} {
			if err := tx.SetName(c); err != nil {
				return err
			}
		}
		return tx.SetName(&db.NamedCertificate{Account: 1, Thumbprint: thumbprint(5), Name: "other", State: batch.NameCurrent, Added: start, Revision: 1})
	})
	view(t, d, func(tx *db.Tx) error {
		members, err := tx.NameMembers(1, "key")
		equal(t, members, err, []db.NamedCertificate{*current, *late, *early})
		members, err = tx.NameMembers(2, "key")
		equal(t, members, err, []db.NamedCertificate(nil))
		got, err := tx.NameOf(1, thumbprint(2))
		equal(t, got, err, early)
		_, err = tx.NameOf(1, spelled.Thumbprint)
		wantError(t, err, db.ErrNotFound)
		history, err := tx.NameHistory(1, "key", math.MaxInt64, 2)
		if len(history) != 2 || err != nil {
			t.Errorf("got %d entries, %v", len(history), err)
		} else {
			equal(t, []any{history[0].Thumbprint, history[0].Named, history[1].Named}, nil, []any{thumbprint(4), *current, *late})
		}
		history, err = tx.NameHistory(1, "key", late.Revision, 10)
		if len(history) != 2 || err != nil || history[0].Named != *early || history[1].Named != *past {
			t.Errorf("got %v, %v", history, err)
		}
		ended, err := tx.EndedOverlaps(early.Until.Add(-1), 10)
		equal(t, ended, err, []db.NamedCertificate(nil))
		ended, err = tx.EndedOverlaps(early.Until, 10)
		equal(t, ended, err, []db.NamedCertificate{*early})
		ended, err = tx.EndedOverlaps(late.Until, 1)
		equal(t, ended, err, []db.NamedCertificate{*early})
		at, err := tx.NextOverlapEnd()
		equal(t, at, err, early.Until)
		return nil
	})
	update(t, d, func(tx *db.Tx) error {
		early.State, early.Revision = batch.NamePast, 99
		if err := tx.SetName(early); err != nil {
			return err
		}
		equal(t, nil, tx.DeleteCertificate(1, thumbprint(3)), nil) // with its place in the history
		members, err := tx.NameMembers(1, "key")
		equal(t, members, err, []db.NamedCertificate{*current})
		return nil
	})
	if err := d.Update(t.Context(), func(tx *db.Tx) error {
		past.State = batch.NameCurrent
		return tx.SetName(past)
	}); err == nil {
		t.Error("a name has two current certificates")
	}
}

func testNamedCertificates(t *testing.T, d *db.DB) {
	fill(t, d)
	want := &db.Certificate{Account: 1, Thumbprint: thumbprint(20), State: batch.StateActive, StateTime: start, Format: batch.FormatCER,
		Public: []byte("der"), Revision: 3, Name: "Storage-Key"}
	update(t, d, func(tx *db.Tx) error {
		if err := tx.AddCertificate(want, &db.CertificateFile{Data: []byte{1}, Password: []byte{1}}); err != nil {
			return err
		}
		return tx.SetName(&db.NamedCertificate{Account: 1, Thumbprint: thumbprint(20), Name: "storage-key", State: batch.NameCurrent, Revision: 3})
	})
	want.NameState = batch.NameCurrent
	view(t, d, func(tx *db.Tx) error {
		got, err := tx.Certificate(1, thumbprint(20))
		equal(t, got, err, want)
		spelling, err := tx.NameSpelling(1, "storage-key")
		equal(t, spelling, err, "Storage-Key")
		return nil
	})
	naming := func(tx *db.Tx, name string) (ids []string) {
		pools, err := tx.PoolsNaming(1, name, thumbprint(20))
		if err != nil {
			t.Error(err)
		}
		for _, p := range pools {
			ids = append(ids, p.ID)
		}
		return ids
	}
	byName, literal := db.PoolReference{Thumbprint: thumbprint(20), Name: "storage-key"}, db.PoolReference{Thumbprint: thumbprint(20)}
	other := db.PoolReference{Thumbprint: thumbprint(1)}
	update(t, d, func(tx *db.Tx) error {
		if err := tx.SetPoolReferences(1, "a", []db.PoolReference{other, byName}); err != nil {
			return err
		}
		if err := tx.SetPoolReferences(1, "b", []db.PoolReference{literal}); err != nil {
			return err
		}
		equal(t, naming(tx, "storage-key"), nil, []string{"a"})
		equal(t, naming(tx, "key"), nil, []string(nil))
		// The same certificate in the other way, and away.
		if err := tx.SetPoolReferences(1, "a", []db.PoolReference{literal}); err != nil {
			return err
		}
		equal(t, naming(tx, "storage-key"), nil, []string(nil))
		refs, err := tx.PoolCertificates(1, "a")
		equal(t, refs, err, []batch.Thumbprint{thumbprint(20)})
		return tx.SetPoolReferences(1, "a", nil)
	})
	view(t, d, func(tx *db.Tx) error {
		refs, err := tx.PoolCertificates(1, "a")
		equal(t, refs, err, []batch.Thumbprint(nil))
		return nil
	})
}
