package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"poolcert/account/db/pgtest"
	"poolcert/batch"
)

// fails runs the program and returns what it says.
func fails(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	if code := run(t.Context(), args, nil, io.Discard, &stderr); code == 0 {
		t.Errorf("poolcert-server %s: it did not fail", strings.Join(args, " "))
	}
	return stderr.String()
}

func wantText(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("got %q, want %q in it", text, part)
		}
	}
}

// restart runs a service again on its directory; client then talks to it.
func (r *running) restart(client *batch.Client) {
	r.t.Helper()
	r.ended = make(chan int, 1)
	r.run()
	client.Endpoint, client.HTTP = r.ready.URL, r.http
}

func (r *running) useDatabase(dsn string) {
	r.t.Helper()
	r.appendConfig("database = \"" + dsn + "\"\n")
}

func (r *running) appendConfig(lines string) {
	r.t.Helper()
	text, err := os.ReadFile(configPath(r.dir))
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(configName, append(text, lines...))
}

// TestBackupAndRestore on SQLite, the backup while the server runs.
func TestBackupAndRestore(t *testing.T) {
	r := start(t)
	client := r.account("demo")
	if err := client.AddPool(t.Context(), &batch.Pool{ID: "before"}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup.db")
	wantText(t, call(t, "backup", file, "--dir", r.dir), "Wrote "+file, "master.key, which is not in it")
	wantText(t, fails(t, "backup", file, "--dir", r.dir), "exists")
	if err := client.AddPool(t.Context(), &batch.Pool{ID: "after"}); err != nil {
		t.Fatal(err)
	}
	before, err := client.Pool(t.Context(), "before")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, fails(t, "restore", file, "--dir", r.dir), "runs already", "hint: stop it first")
	r.end()

	// A backup that does not open, or is none, changes nothing.
	other := filepath.Join(t.TempDir(), "other")
	call(t, "init", "--dir", other, "--host", "localhost")
	foreign := filepath.Join(t.TempDir(), "foreign.db")
	call(t, "backup", foreign, "--dir", other)
	wantText(t, fails(t, "restore", foreign, "--dir", r.dir), "master key", "hint: bring back the master key")
	wantText(t, fails(t, "restore", configPath(r.dir), "--dir", r.dir), "read backup")
	wantText(t, fails(t, "restore", filepath.Join(t.TempDir(), "none"), "--dir", r.dir), "no such file")
	r.restart(client)
	if _, err := client.Pool(t.Context(), "after"); err != nil {
		t.Errorf("after refused restores: %v", err)
	}
	r.end()

	wantText(t, call(t, "restore", file, "--dir", r.dir), "The database that was there is now "+filepath.Join(r.dir, databaseName)+".before-", "Start the server")
	files, err := filepath.Glob(filepath.Join(r.dir, "*"))
	if err != nil || len(files) != 7 { // init's five, the lock, and what was there
		t.Errorf("got the files %q", files)
	}
	r.restart(client)
	restored, err := client.Pool(t.Context(), "before")
	if err != nil {
		t.Fatal(err)
	}
	if restored.ETag == before.ETag {
		t.Error("the ETag is the same after the restore")
	}
	if _, err := client.Pool(t.Context(), "after"); !errors.Is(err, &batch.Error{Code: batch.CodePoolNotFound}) {
		t.Errorf("what came after the backup: got %v", err)
	}
	r.end()

	// The database is lost.
	if err := os.Remove(filepath.Join(r.dir, databaseName)); err != nil {
		t.Fatal(err)
	}
	wantText(t, fails(t, "check", "--dir", r.dir), "is missing", "hint: bring it back with 'poolcert-server restore'")
	call(t, "restore", file, "--dir", r.dir)
	r.restart(client)
	if _, err := client.Pool(t.Context(), "before"); err != nil {
		t.Error(err)
	}
}

// TestPostgres: from SQLite to PostgreSQL, two servers there, and a backup of it.
func TestPostgres(t *testing.T) {
	server := pgtest.New(t)
	dsn := server.Database(t)
	one := start(t)
	client := one.account("demo")
	if err := client.AddPool(t.Context(), &batch.Pool{ID: "p"}); err != nil {
		t.Fatal(err)
	}
	wantText(t, fails(t, "migrate", "--dir", one.dir, "--to", dsn), "runs already")
	one.end()
	wantText(t, fails(t, "migrate", "--dir", one.dir), "--to is needed")
	wantText(t, fails(t, "migrate", "--dir", one.dir, "--to", server.URL("none")), "none")
	wantText(t, call(t, "migrate", "--dir", one.dir, "--to", dsn), "account     1\n", "pool        1\n", `database = "`+dsn+`"`)
	wantText(t, fails(t, "migrate", "--dir", one.dir, "--to", dsn), "not empty", "hint: make the database anew")
	one.useDatabase(dsn)
	one.restart(client)
	if _, err := client.Pool(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}

	// A second server, with the same keys and CA.
	two := &running{t: t, dir: filepath.Join(t.TempDir(), "two"), ended: make(chan int, 1)}
	if err := os.CopyFS(two.dir, os.DirFS(one.dir)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", masterName, caKeyName} { // which CopyFS opens to the umask
		mode := os.FileMode(0o600)
		if name == "." {
			mode = 0o700
		}
		if err := os.Chmod(filepath.Join(two.dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	two.run()
	other := &batch.Client{Endpoint: two.ready.URL, HTTP: two.http, Credentials: client.Credentials}
	if err := other.AddPool(t.Context(), &batch.Pool{ID: "q"}); err != nil {
		t.Fatal(err)
	}
	q, err := client.Pool(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}

	// Keys rotate under both.
	wantText(t, call(t, "key", "rotate", "--dir", one.dir), "sealed with the new key")
	wantText(t, call(t, "key", "list", "--dir", one.dir), "seals the database", "older backups only")
	wantText(t, fails(t, "check", "--dir", two.dir), "which the keyring doesn't have")
	if _, err := other.Pool(t.Context(), "q"); err != nil {
		t.Errorf("under the rotation: %v", err)
	}

	file := filepath.Join(t.TempDir(), "backup.db")
	call(t, "backup", file, "--dir", one.dir)
	one.end()
	two.end()
	wantText(t, fails(t, "restore", file, "--dir", one.dir), "not empty")
	one.useNothing(dsn)
	call(t, "restore", file, "--dir", one.dir)
	one.restart(client)
	restored, err := client.Pool(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	if restored.ETag == q.ETag {
		t.Error("the ETag is the same after the restore")
	}
}

// useNothing takes the database's line out of the configuration: SQLite again.
func (r *running) useNothing(dsn string) {
	r.t.Helper()
	text, err := os.ReadFile(configPath(r.dir))
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(configName, bytes.ReplaceAll(text, []byte("database = \""+dsn+"\"\n"), nil))
}

func TestInitOnPostgres(t *testing.T) {
	server := pgtest.New(t)
	dsn := server.Database(t)
	dir := filepath.Join(t.TempDir(), "data")
	wantText(t, call(t, "init", "--dir", dir, "--host", "localhost", "--database", dsn), "Database: postgres://")
	if _, err := os.Stat(filepath.Join(dir, databaseName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file of SQLite: %v", err)
	}
	call(t, "account", "create", "demo", "--dir", dir)
	wantText(t, call(t, "check", "--dir", dir), "database       postgres://")
	wantText(t, fails(t, "init", "--dir", dir+"2", "--database", dsn), "master key")
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	wantText(t, fails(t, "run", "--dir", dir), "in PostgreSQL, does its server run")
}

// TestRotateKeyNoticed: the running server refuses the old key and takes the new
// one.
func TestRotateKeyNoticed(t *testing.T) {
	r := start(t)
	client := r.account("demo")
	r.end()
	r.appendConfig("[limits]\nfailure_rate = 0\naddress_rate = 0\naccount_rate = 0\n") // it asks until the key is taken
	r.restart(client)
	if err := client.AddPool(t.Context(), &batch.Pool{ID: "p"}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(call(t, "account", "rotate-key", "demo", "primary", "--dir", r.dir)), "\n")
	key, err := batch.ParseKey(lines[len(lines)-1])
	if err != nil {
		t.Fatal(err)
	}
	fresh := &batch.Client{Endpoint: client.Endpoint, HTTP: client.HTTP, Credentials: batch.Credentials{Account: "demo", Key: key}}
	for {
		_, err := fresh.Pool(t.Context(), "p")
		if err == nil {
			break
		}
		if !errors.Is(err, &batch.Error{Code: batch.CodeAuthenticationFailed}) {
			t.Fatal(err)
		}
	}
	if _, err := client.Pool(t.Context(), "p"); !errors.Is(err, &batch.Error{Code: batch.CodeAuthenticationFailed}) {
		t.Errorf("the old key: got %v", err)
	}
	wantText(t, fails(t, "account", "rotate-key", "demo", "third", "--dir", r.dir), "primary and secondary")
	wantText(t, fails(t, "account", "rotate-key", "nobody", "primary", "--dir", r.dir), "no such account", "account list")
}

// TestDatabasePassword: it is shown nowhere, and kept in no file that others can
// read.
func TestDatabasePassword(t *testing.T) {
	r := &running{t: t, dir: filepath.Join(t.TempDir(), "data")}
	call(t, "init", "--dir", r.dir, "--host", "localhost")
	for _, dsn := range []string{"postgres://u:CANARY@127.0.0.1:1/d", "postgres://u@127.0.0.1:1/d?password=CANARY"} {
		r.useDatabase(dsn)
		text := fails(t, "check", "--dir", r.dir)
		wantText(t, text, "is not available")
		if strings.Contains(text, "CANARY") {
			t.Errorf("got %q", text)
		}
		if runtime.GOOS != "windows" {
			if err := os.Chmod(configPath(r.dir), 0o644); err != nil {
				t.Fatal(err)
			}
			wantText(t, fails(t, "check", "--dir", r.dir), "open to other users", "change the password")
			if err := os.Chmod(configPath(r.dir), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r.useNothing(dsn)
	}
}
