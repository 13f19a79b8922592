// Package db keeps the rows of the account service.
package db

import "context"

// A DB is an open database.
type DB struct{}

// Open opens or makes a database.
func Open(ctx context.Context, dsn string) (*DB, error) { panic("unfinished") }

// Close ends all use.
func (d *DB) Close() error { panic("unfinished") }
