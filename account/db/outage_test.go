package db_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"poolcert/account/db"
	"poolcert/account/db/pgtest"
)

// TestPostgresOutage: the server is stopped and crashes under 16 writers. They get
// ErrBusy and nothing else, go on by themselves when it is back, and all that was
// acknowledged is there.
func TestPostgresOutage(t *testing.T) {
	server := pgtest.New(t)
	d := open(t, server.Database(t))
	if err := d.Update(t.Context(), func(tx *db.Tx) error {
		if err := tx.AddAccount(&db.Account{Name: "first", PrimaryKey: []byte{1}, SecondaryKey: []byte{2}}); err != nil {
			return err
		}
		return tx.AddPool(&db.Pool{Account: 1, ID: "p", Name: "p"})
	}); err != nil {
		t.Fatal(err)
	}
	var written, refused int
	var acknowledged []string
	var mu sync.Mutex
	changed := sync.NewCond(&mu)
	stopped := false
	var writers sync.WaitGroup
	for writer := range 16 {
		writers.Go(func() {
			for n := 0; ; n++ {
				name := fmt.Sprintf("w%dn%d", writer, n)
				err := d.Update(t.Context(), func(tx *db.Tx) error {
					if _, err := tx.NextRevision(1); err != nil {
						return err
					}
					return tx.AddJoinToken(&db.JoinToken{ID: name, Account: 1, Pool: "p", Hash: []byte{1}})
				})
				mu.Lock()
				switch {
				case err == nil:
					written++
					acknowledged = append(acknowledged, name)
				case errors.Is(err, db.ErrBusy):
					refused++
				default:
					t.Errorf("got %v, want ErrBusy", err)
				}
				changed.Broadcast()
				end := stopped
				mu.Unlock()
				if end {
					return
				}
			}
		})
	}
	// more waits until so many more writes, or refusals, are counted.
	more := func(counter *int, n int) {
		mu.Lock()
		defer mu.Unlock()
		for until := *counter + n; *counter < until; {
			changed.Wait()
		}
	}
	for _, end := range []func() error{server.Stop, server.Crash, server.Crash} {
		more(&written, 50)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		more(&refused, 50)
		if err := d.View(t.Context(), func(tx *db.Tx) error { _, err := tx.AccountNames(); return err }); !errors.Is(err, db.ErrBusy) {
			t.Errorf("view: got %v, want ErrBusy", err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
	}
	more(&written, 50)
	mu.Lock()
	stopped = true
	mu.Unlock()
	writers.Wait()
	t.Logf("%d writes and %d refusals", written, refused)
	err := d.View(t.Context(), func(tx *db.Tx) error {
		for _, name := range acknowledged {
			if _, err := tx.JoinToken(name); err != nil {
				return fmt.Errorf("%s was acknowledged and is lost: %w", name, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
