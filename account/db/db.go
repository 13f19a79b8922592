// Package db keeps the rows of the account service: accounts, certificates, pools,
// nodes and join tokens.
//
// Call [Open], then [DB.Update] to write and [DB.View] to read, each with a
// function that uses the row methods of its [Tx]. They are named after the nouns
// and hold no rules; package account composes them, one transaction for each rule.
//
// Promised: an Update that returned nil is on disk (it survives SIGKILL and power
// loss); one that returned an error changed nothing, save when a PostgreSQL
// server is lost in the middle of the commit: then nobody knows. A View sees one
// moment. When the disk is full or the server is away, updates fail with
// [ErrBusy], and work again once that is over; SQLite's views go on meanwhile.
//
// Updates of one account that begin with [Tx.NextRevision] are serial: each sees
// all those before it. So are those that begin with [Tx.LockAccount], as far as
// the former change things. All other updates may run beside each other on
// PostgreSQL.
//
// The function must not keep the Tx, call Update or View, or wait for anything. It
// may run several times, the last of which counts: what it changes outside of the
// database it must set anew each time.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Errors that callers may test.
var (
	// ErrBusy is wrapped when the database can't serve at the moment: disk full or
	// failing, or locked by another process for too long. Trying later may help.
	ErrBusy = errors.New("the database is not available")

	// ErrNotFound is returned by row methods that find no row.
	ErrNotFound = errors.New("no such row")

	// ErrClosed is returned after [DB.Close].
	ErrClosed = errors.New("the database is closed")

	// ErrNewer is wrapped when a newer poolcert made the database.
	ErrNewer = errors.New("the database was made by a newer version of poolcert")

	// ErrPlace is wrapped when the database can't be kept safely where it is: the
	// folder is open to other users, or on a network file system.
	ErrPlace = errors.New("not a safe place for the database")
)

// An engine runs transactions.
type engine interface {
	dialect() *dialect
	lock(*Tx) error // keeps other processes from changing the schema until the transaction ends
	listen(ctx context.Context, hint func()) error
	update(context.Context, func(context.Context, querier) error) error
	view(context.Context, func(context.Context, querier) error) error
	close() error
}

// A querier is a connection inside a transaction.
type querier interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// A DB is an open database. Its methods are safe for concurrent use.
type DB struct {
	engine      engine
	close       func() error // once
	incarnation string
	observer    Observer // may be nil
}

// Open opens the database, and makes it or brings its schema up to date where
// needed. The dsn is the path of an SQLite file, with or without "sqlite:" before
// it; its folder must exist, be open to nobody else, and be on a local disk. Or it
// is a URL that begins with "postgres://" or "postgresql://", of an existing
// database; its parameter notify=off is for servers without LISTEN and NOTIFY.
// Unless it has sslmode, a server on another machine is reached by TLS only, and
// its certificate is checked.
// Errors: [ErrPlace], [ErrNewer], [ErrBusy], [ErrIncomplete].
func Open(ctx context.Context, dsn string) (*DB, error) {
	e, name, err := openEngine(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", name, err)
	}
	d := &DB{engine: e, close: sync.OnceValue(e.close)}
	if err := d.Update(ctx, d.prepare); err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", name, err), d.Close())
	}
	return d, nil
}

// openEngine also returns the name of the database for messages.
func openEngine(ctx context.Context, dsn string) (engine, string, error) {
	if IsPostgres(dsn) {
		e, err := openPostgres(dsn)
		return e, Redacted(dsn), err
	}
	if scheme, _, ok := strings.Cut(dsn, "://"); ok {
		return nil, scheme + "://", errors.New("only SQLite files and postgres:// are supported")
	}
	path := strings.TrimPrefix(dsn, "sqlite:")
	e, err := openSQLite(ctx, path)
	return e, path, err
}

// prepare brings the schema up to date and reads the incarnation. It refuses a copy
// that has not ended.
func (d *DB) prepare(tx *Tx) error {
	if err := d.engine.lock(tx); err != nil {
		return err
	}
	if err := migrate(tx); err != nil {
		return err
	}
	switch _, err := tx.meta(incomplete); {
	case err == nil:
		return ErrIncomplete
	case !errors.Is(err, ErrNotFound):
		return err
	}
	incarnation, err := tx.meta("incarnation")
	if errors.Is(err, ErrNotFound) {
		incarnation = newIncarnation()
		err = renew(tx, incarnation)
	}
	d.incarnation = incarnation
	return err
}

// Incarnation returns 16 random hexadecimal digits that change when a database is
// restored from a backup, so that a revision number never means two things.
func (d *DB) Incarnation() string { return d.incarnation }

// Update runs fn in a transaction that writes, and commits it unless fn fails.
// The error is fn's own, or the database's. It always tells the outcome: when ctx
// ends after fn began, fn and its commit go on.
func (d *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	return d.observed(true, d.engine.update, ctx, fn)
}

// View runs fn in a transaction that reads.
func (d *DB) View(ctx context.Context, fn func(*Tx) error) error {
	return d.observed(false, d.engine.view, ctx, fn)
}

// Close waits for running transactions and closes the database. Calling it again
// does nothing more.
func (d *DB) Close() error { return d.close() }
