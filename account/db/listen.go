package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is where replicas tell each other of changes; nothing secret goes
// through it.
const channel = "poolcert"

// Announce tells other processes, at the commit, that the account changed in a
// way that they may want to know at once. It is a hint: see [DB.Listen].
// PostgreSQL commits announcing transactions one by one, so announce only what
// can't wait for the next look.
func (tx *Tx) Announce(acct, rev int64) error {
	if tx.dialect.notify == "" {
		return nil
	}
	_, err := tx.exec(tx.dialect.notify, fmt.Sprint(acct, " ", rev))
	return err
}

// Listen calls hint when another process announced a change, and at the start,
// until ctx ends or the connection is lost: then it returns nil or the error.
// Hints get lost with connections, and SQLite gives none, nor does PostgreSQL with
// the parameter notify=off in its URL: look by yourself from
// time to time.
func (d *DB) Listen(ctx context.Context, hint func()) error {
	if err := d.engine.listen(ctx, hint); err != nil && ctx.Err() == nil {
		return fmt.Errorf("listen for changes: %w", err)
	}
	return nil
}

// listen has a connection of its own: notices come at any time.
func (e *postgresEngine) listen(ctx context.Context, hint func()) error {
	if e.language.notify == "" {
		<-ctx.Done()
		return nil
	}
	config := e.config.Copy()
	config.RuntimeParams["application_name"] += " listener"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return postgresError(err)
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		conn.Close(late)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return postgresError(err)
	}
	for {
		hint() // also the first time: what came before was not heard
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return postgresError(err)
		}
	}
}
