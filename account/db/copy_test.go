package db_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/account/db"
	"poolcert/account/db/dbtest"
	"poolcert/account/db/pgtest"
)

// contents are rows of each kind, read by their methods.
func contents(t *testing.T, d *db.DB) (all []any) {
	t.Helper()
	add := func(v any, err error) {
		if err != nil {
			t.Error(err)
		}
		all = append(all, v)
	}
	err := d.View(t.Context(), func(tx *db.Tx) error {
		revisions, err := tx.Revisions()
		add(revisions, err)
		keys, err := tx.DataKeys()
		add(keys, err)
		account, err := tx.Account("first")
		add(account, err)
		certificates, err := tx.Certificates(1, nil, nil, 10_000)
		add(certificates, err)
		for _, c := range certificates {
			file, err := tx.CertificateFile(1, c.Thumbprint)
			add(file, err)
		}
		pools, err := tx.Pools(1, "", nil, 100)
		add(pools, err)
		for _, p := range pools {
			for _, c := range certificates[:5] {
				refers, err := tx.PoolRefersTo(1, p.ID, c.Thumbprint)
				add(refers, err)
			}
			tokens, err := tx.JoinTokens(1, p.ID)
			add(tokens, err)
			nodes, err := tx.Nodes(1, p.ID, "", nil, time.Now(), 100)
			add(nodes, err)
			var ids []string
			for _, n := range nodes {
				ids = append(ids, n.ID)
			}
			held, err := tx.NodeCertificates(1, p.ID, ids...)
			add(held, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCopy goes from SQLite to PostgreSQL and back.
func TestCopy(t *testing.T) {
	first := open(t, filepath.Join(newFolder(t), "account.db"))
	dbtest.Fill(t, first, 1200)
	want := contents(t, first)
	from := first
	for _, dsn := range []string{pgtest.Database(t), filepath.Join(newFolder(t), "account.db")} {
		to := open(t, dsn)
		counts, err := db.Copy(t.Context(), to, from)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(counts, db.TableCount{Table: "cert_blob", Rows: 1200}) || len(counts) != 12 {
			t.Errorf("got the counts %v", counts)
		}
		for _, c := range counts {
			if c.Rows == 0 {
				t.Errorf("nothing was copied to %s: the test shows nothing of it", c.Table)
			}
		}
		if diff := cmp.Diff(contents(t, to), want); diff != "" {
			t.Errorf("got (-) and want (+) differ:\n%s", diff)
		}
		if to.Incarnation() == from.Incarnation() {
			t.Error("the copy has the incarnation of the original")
		}
		if _, err := db.Copy(t.Context(), to, from); !errors.Is(err, db.ErrNotEmpty) {
			t.Errorf("a second time: got %v, want ErrNotEmpty", err)
		}
		from = to
	}
}

// TestCopyCut: a copy that did not end is not taken for a database.
func TestCopyCut(t *testing.T) {
	from := open(t, filepath.Join(newFolder(t), "account.db"))
	dbtest.Fill(t, from, 1200)
	path := filepath.Join(newFolder(t), "account.db")
	to := open(t, path)
	if _, err := db.Copy(t.Context(), to, closedCopy(t, from)); err == nil {
		t.Fatal("got no error")
	}
	if _, err := db.Open(t.Context(), path); !errors.Is(err, db.ErrIncomplete) {
		t.Errorf("got %v, want ErrIncomplete", err)
	}
}

// closedCopy returns a database that fails.
func closedCopy(t *testing.T, from *db.DB) *db.DB {
	t.Helper()
	path := filepath.Join(newFolder(t), "copy.db")
	if err := from.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBackup: a backup that is made under writers holds one moment, and all that
// was acknowledged before.
func TestBackup(t *testing.T) {
	for name, dsn := range map[string]string{
		"SQLite":     filepath.Join(newFolder(t), "account.db"),
		"PostgreSQL": pgtest.Database(t),
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, dsn)
			dbtest.Fill(t, d, 20)
			add := func(id int64) {
				err := d.Update(t.Context(), func(tx *db.Tx) error {
					if err := tx.AddDataKey(&db.DataKey{ID: id, Sealed: []byte{1}}); err != nil {
						return err
					}
					return tx.AddAccount(&db.Account{Name: fmt.Sprint("with", id), PrimaryKey: []byte{1}, SecondaryKey: []byte{2}})
				})
				if err != nil {
					t.Error(err)
				}
			}
			add(1000)
			stop := make(chan struct{})
			var writing sync.WaitGroup
			writing.Go(func() {
				for id := int64(1001); ; id++ {
					select {
					case <-stop:
						return
					default:
						add(id)
					}
				}
			})
			path := filepath.Join(newFolder(t), "back'up?.db")
			err := d.Backup(t.Context(), path)
			close(stop)
			writing.Wait()
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("got mode %v, want 0600", info.Mode())
			}
			if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
				t.Errorf("something is left beside the backup: %v, %v", files, err)
			}
			backup := open(t, path)
			if err := backup.Check(t.Context()); err != nil {
				t.Error(err)
			}
			err = backup.View(t.Context(), func(tx *db.Tx) error {
				keys, err := tx.DataKeys()
				if err != nil {
					return err
				}
				names, err := tx.AccountNames()
				if len(keys) < 2 || len(keys) != len(names) {
					t.Errorf("got %d keys and %d accounts, want as many, and more than one", len(keys), len(names))
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
			before := backup.Incarnation()
			if err := backup.Renew(t.Context()); err != nil || backup.Incarnation() == before {
				t.Errorf("got the incarnation before, %v", err)
			}
			if err := d.Backup(t.Context(), path); !errors.Is(err, os.ErrExist) {
				t.Errorf("over a file: got %v, want ErrExist", err)
			}
		})
	}
}
