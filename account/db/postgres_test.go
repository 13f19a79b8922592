package db_test

import (
	"os"
	"sync"
	"testing"

	"poolcert/account/db"
	"poolcert/account/db/dbtest"
	"poolcert/account/db/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestPostgres(t *testing.T) {
	dbtest.Run(t, func(t *testing.T) *db.DB { return open(t, pgtest.Database(t)) })
}

// TestPostgresOpenAtOnce: servers that start together on an empty database make one.
func TestPostgresOpenAtOnce(t *testing.T) {
	dsn := pgtest.Database(t)
	opened := make([]*db.DB, 6)
	var all sync.WaitGroup
	for i := range opened {
		all.Go(func() {
			d, err := db.Open(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			opened[i] = d
		})
	}
	all.Wait()
	for _, d := range opened {
		if d == nil {
			continue
		}
		if d.Incarnation() != opened[0].Incarnation() {
			t.Error("they have several incarnations")
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
