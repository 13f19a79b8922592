package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	maxConnections  = 32
	idleConnections = 8
	connectTimeout  = 5 * time.Second

	// updateTimeout ends an update whose server doesn't answer; its context may
	// not end.
	updateTimeout = 30 * time.Second

	maxAttempts = 6
	firstWait   = 5 * time.Millisecond // between attempts, doubled each time
)

// sessionSettings keep one process from holding up the others: who waits for a
// lock gives up, and who holds one and is gone loses it.
var sessionSettings = map[string]string{
	"application_name":                    "poolcert-server",
	"lock_timeout":                        "10s",
	"idle_in_transaction_session_timeout": "60s",
	"client_encoding":                     "UTF8",
}

// postgresEngine is a pool of connections to a server.
type postgresEngine struct {
	config   *pgx.ConnConfig
	pool     *sql.DB
	language dialect
	closed   atomic.Bool
}

// notifyParameter of a URL is not PostgreSQL's: "off" is for servers and poolers
// that know no LISTEN and NOTIFY.
const notifyParameter = "notify"

func openPostgres(url string) (*postgresEngine, error) {
	config, err := parsePostgres(url)
	if err != nil {
		return nil, errors.New("the URL is malformed; its form is postgres://user@host:port/database") // pgx's error may show the password
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	for name, value := range sessionSettings {
		if _, given := config.RuntimeParams[name]; !given {
			config.RuntimeParams[name] = value
		}
	}
	language := postgresDialect
	switch value := config.RuntimeParams[notifyParameter]; value {
	case "", "on":
	case "off":
		language.notify = ""
	default:
		return nil, fmt.Errorf("the URL's parameter %s is on or off, not %q", notifyParameter, value)
	}
	delete(config.RuntimeParams, notifyParameter)
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(maxConnections)
	pool.SetMaxIdleConns(idleConnections)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return &postgresEngine{config: config, pool: pool, language: language}, nil
}

// parsePostgres parses a URL. Where it says nothing of TLS, a server elsewhere must
// prove its name by a certificate, while PostgreSQL's own default is to do without
// TLS if the server says that it has none.
func parsePostgres(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil || isLocal(config) || strings.Contains(url, "sslmode=") || os.Getenv("PGSSLMODE") != "" {
		return config, err
	}
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	return pgx.ParseConfig(url + separator + "sslmode=verify-full")
}

// isLocal tells whether all hosts are on this machine.
func isLocal(config *pgx.ConnConfig) bool {
	hosts := []string{config.Host}
	for _, f := range config.Fallbacks {
		hosts = append(hosts, f.Host)
	}
	return !slices.ContainsFunc(hosts, func(host string) bool {
		return !filepath.IsAbs(host) && host != "localhost" && !net.ParseIP(host).IsLoopback()
	})
}

func (e *postgresEngine) dialect() *dialect { return &e.language }

func (e *postgresEngine) close() error {
	e.closed.Store(true)
	return e.pool.Close()
}

// failure returns what an error means to callers.
func (e *postgresEngine) failure(err error) error {
	if err != nil && e.closed.Load() {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return postgresError(err)
}

// lock takes one of the server's advisory locks; the number is ours alone.
func (*postgresEngine) lock(tx *Tx) error {
	_, err := tx.exec(`SELECT pg_advisory_xact_lock(8097241187)`)
	return err
}

// update runs fn at READ COMMITTED: after a row lock, fn sees all that was
// committed before it got the lock. When another transaction was in the way, fn
// runs again.
func (e *postgresEngine) update(ctx context.Context, fn func(context.Context, querier) error) error {
	for attempt, wait := 1, firstWait; ; attempt, wait = attempt+1, 2*wait {
		err := e.attempt(ctx, fn)
		if err == nil || attempt == maxAttempts || !isConflict(err) {
			return e.failure(err)
		}
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
			return e.failure(err)
		}
	}
}

func (e *postgresEngine) attempt(ctx context.Context, fn func(context.Context, querier) error) error {
	conn, err := e.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), updateTimeout)
	defer cancel()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	defer tx.Rollback() // unless committed; also when fn panics
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (e *postgresEngine) view(ctx context.Context, fn func(context.Context, querier) error) error {
	tx, err := e.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err == nil {
		defer tx.Rollback() // nothing to commit
		err = fn(ctx, tx)
	}
	if err != nil && ctx.Err() != nil { // a query that was cut off says so in many words
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return e.failure(err)
}

// isConflict tells whether a new attempt may succeed: besides the two that every
// transaction may meet, another one may just have added the row that this one
// adds, or removed the row that it refers to, and the new attempt will see that.
func isConflict(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	switch failure.Code {
	case "40001", // serialization_failure
		"40P01", // deadlock_detected
		"23503", // foreign_key_violation
		"23505": // unique_violation
		return true
	}
	return false
}
