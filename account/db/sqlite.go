package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// lockTimeout is in milliseconds. Another process holds the lock only for moments,
// such as one that makes an account.
const lockTimeout = "10000"

const readConnections = 8

// With synchronous(FULL) a commit survives a loss of power, which NORMAL doesn't
// promise with a WAL. The last one gathers what the query planner wants to know,
// where that is old.
var writePragmas = []string{"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)", "optimize(0x10002)"}

// sqliteEngine is one file: one connection that writes, several that read.
type sqliteEngine struct {
	path   string
	writes *sql.DB
	writer *writer
	reads  *sql.DB
}

func openSQLite(ctx context.Context, path string) (*sqliteEngine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := checkPlace(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := create(path); err != nil {
		return nil, err
	}
	writes, err := sql.Open("sqlite", sqliteURL(path, writePragmas...))
	if err != nil {
		return nil, err
	}
	writes.SetMaxOpenConns(1)
	conn, err := writes.Conn(ctx)
	if err != nil {
		return nil, errors.Join(sqliteError(err), writes.Close())
	}
	reads, err := sql.Open("sqlite", sqliteURL(path, "query_only(ON)"))
	if err != nil {
		return nil, errors.Join(err, conn.Close(), writes.Close())
	}
	reads.SetMaxOpenConns(readConnections)
	reads.SetMaxIdleConns(readConnections)
	return &sqliteEngine{path: path, writes: writes, writer: startWriter(conn), reads: reads}, nil
}

// create makes the file before SQLite does, so that it never has wider rights.
// SQLite gives its -wal and -shm files the same.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func sqliteURL(path string, pragmas ...string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // C:/...
		path = "/" + path
	}
	u := url.URL{Scheme: "file", Path: path}
	u.RawQuery = url.Values{"_pragma": append(pragmas, "busy_timeout("+lockTimeout+")")}.Encode()
	return u.String()
}

func (*sqliteEngine) dialect() *dialect { return &sqliteDialect }

// lock does nothing: updates are serial, also those of other processes.
func (*sqliteEngine) lock(*Tx) error { return nil }

// listen waits: a file tells nothing of its changes.
func (*sqliteEngine) listen(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

func (e *sqliteEngine) update(ctx context.Context, fn func(context.Context, querier) error) error {
	return sqliteError(e.writer.do(ctx, fn))
}

func (e *sqliteEngine) view(ctx context.Context, fn func(context.Context, querier) error) error {
	tx, err := e.reads.BeginTx(ctx, nil)
	if err != nil {
		return sqliteError(err)
	}
	defer tx.Rollback() // nothing to commit
	err = sqliteError(fn(ctx, tx))
	if err != nil && ctx.Err() != nil { // an interrupted query says so in many words
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

func (e *sqliteEngine) close() error {
	e.writer.stop()
	return errors.Join(e.reads.Close(), e.writer.rows.close(), e.writer.conn.Close(), e.writes.Close())
}

// sqliteError wraps ErrBusy around what may pass.
func sqliteError(err error) error {
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return err
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%w: %w", ErrDisk, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}
