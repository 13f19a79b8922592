package dbtest

import (
	"context"
	"database/sql"
	"embed"
	"net/url"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"poolcert/account/db"
)

// The database that a service with version 1 of the schema left, as sqlite3 and
// pg_dump wrote it, the master key that opens it, and what else its accounts and
// nodes know. It has a row of each kind, and never changes.
//
//go:embed testdata/version1
var version1 embed.FS

// Version1 returns a file of the folder of that database: master.key, known.json.
func Version1(t testing.TB, name string) []byte {
	t.Helper()
	data, err := version1.ReadFile("testdata/version1/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// LoadVersion1 makes that database, in a new SQLite file or in an empty database of
// PostgreSQL.
func LoadVersion1(t testing.TB, dsn string) {
	t.Helper()
	driver, text := "pgx", "postgres.sql"
	if !db.IsPostgres(dsn) {
		driver, text = "sqlite", "sqlite.sql"
		dsn = (&url.URL{Scheme: "file", Path: filepath.ToSlash(dsn)}).String()
	}
	d, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	conn, err := d.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(context.Background(), string(Version1(t, text))); err != nil {
		t.Fatal(err)
	}
}
