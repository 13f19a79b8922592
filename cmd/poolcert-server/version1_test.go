package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"poolcert/account/db/dbtest"
	"poolcert/account/db/pgtest"
	"poolcert/batch"
)

// TestVersion1 restores a backup of the first schema, starts on the database of that
// time, and moves it to PostgreSQL.
func TestVersion1(t *testing.T) {
	var known struct{ PrimaryKey batch.Key }
	if err := json.Unmarshal(dbtest.Version1(t, "known.json"), &known); err != nil {
		t.Fatal(err)
	}
	client := &batch.Client{Credentials: batch.Credentials{Account: "acme", Key: known.PrimaryKey}}
	check := func(r *running) {
		t.Helper()
		r.restart(client)
		if pool, err := client.Pool(t.Context(), "render"); err != nil || len(pool.CertificateReferences) != 3 {
			t.Errorf("got the pool %v, %v", pool, err)
		}
		for c, err := range client.Certificates(t.Context(), batch.ListOptions{}) {
			if err != nil || c.Thumbprint == (batch.Thumbprint{}) {
				t.Errorf("got the certificate %v, %v", c, err)
			}
		}
		r.end()
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	dbtest.LoadVersion1(t, backup)

	r := start(t)
	r.end()
	r.write(masterName, dbtest.Version1(t, "master.key"))
	wantText(t, call(t, "restore", backup, "--dir", r.dir), "Start the server")
	check(r)

	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(r.dir, databaseName+suffix)); err != nil && suffix == "" {
			t.Fatal(err)
		}
	}
	dbtest.LoadVersion1(t, filepath.Join(r.dir, databaseName))
	check(r)

	to := pgtest.Database(t)
	wantText(t, call(t, "migrate", "--to", to, "--dir", r.dir), "node")
	r.useDatabase(to)
	check(r)
}
