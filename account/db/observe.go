package db

import (
	"context"
	"time"
)

// An Observer hears how long a transaction took, waiting for its turn included,
// and how it ended: with the error of the function or of the database.
type Observer func(update bool, took time.Duration, err error)

// Observe makes the database tell of its transactions. Call it before others use
// the database. The observer is called by many goroutines.
func (d *DB) Observe(o Observer) { d.observer = o }

// runner is what an engine has for a kind of transaction.
type runner func(context.Context, func(context.Context, querier) error) error

// observed runs a transaction and tells of it.
func (d *DB) observed(update bool, run runner, ctx context.Context, fn func(*Tx) error) error {
	begin := time.Now()
	err := run(ctx, func(ctx context.Context, q querier) error {
		return fn(&Tx{ctx: ctx, q: q, dialect: d.engine.dialect()})
	})
	if d.observer != nil {
		d.observer(update, time.Since(begin), err)
	}
	return err
}
