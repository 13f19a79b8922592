package db

import (
	"context"
	"database/sql"
	"errors"
)

// A Tx is a transaction. It is good only inside the function that received it,
// and not for concurrent use.
type Tx struct {
	ctx     context.Context // of this one transaction
	q       querier
	dialect *dialect
}

// exec returns how many rows were changed. All SQL goes through exec, rows and
// row, which put it into the engine's dialect.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	result, err := tx.q.ExecContext(tx.ctx, tx.dialect.query(query), tx.dialect.args(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// one is exec for a statement that must change one row.
func (tx *Tx) one(query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// row scans the only row of a query.
func (tx *Tx) row(dest []any, query string, args ...any) error {
	err := tx.q.QueryRowContext(tx.ctx, tx.dialect.query(query), tx.dialect.args(args)...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return err
}

// rows collects a query's rows: fields returns where a row's columns go.
func rows[T any](tx *Tx, fields func(*T) []any, query string, args ...any) ([]T, error) {
	found, err := tx.q.QueryContext(tx.ctx, tx.dialect.query(query), tx.dialect.args(args)...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var all []T
	for found.Next() {
		var v T
		if err := found.Scan(fields(&v)...); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, found.Err()
}

// column is the field of a query with one column.
func column[T any](v *T) []any { return []any{v} }

func (tx *Tx) meta(key string) (value string, err error) {
	err = tx.row([]any{&value}, `SELECT v FROM meta WHERE k = ?`, key)
	return value, err
}

func (tx *Tx) setMeta(key, value string) error {
	_, err := tx.exec(`INSERT INTO meta (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`, key, value)
	return err
}
