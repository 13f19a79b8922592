package db_test

import (
	"os"
	"testing"

	"poolcert/account/db"
	"poolcert/account/db/dbtest"
	"poolcert/account/db/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func TestPostgres(t *testing.T) {
	dbtest.Run(t, func(t *testing.T) *db.DB { return open(t, pgtest.Database(t)) })
}
