package db

import (
	"time"

	"poolcert/batch"
)

// A Count is how many things are in a state.
type Count struct {
	State string
	N     int
}

func (c *Count) fields() []any { return []any{&c.State, &c.N} }

// CountCertificates counts the certificates of all accounts by their state. It
// reads an index of them all.
func (tx *Tx) CountCertificates() ([]Count, error) {
	return rows(tx, (*Count).fields, `SELECT state, count(*) FROM cert GROUP BY state`)
}

// CountAllNodes counts the nodes of all pools by their state: unknown are those
// that were not seen since the given time. It reads them all.
func (tx *Tx) CountAllNodes(since time.Time) ([]Count, error) {
	state := nodeProperties(since)["state"].expr
	return rows(tx, (*Count).fields, `SELECT `+state+`, count(*) FROM node GROUP BY 1`)
}

// CountPools counts the pools of all accounts.
func (tx *Tx) CountPools() (n int, err error) {
	err = tx.row([]any{&n}, `SELECT count(*) FROM pool`)
	return n, err
}

// ActiveThumbprints returns the certificates of an account that are active, in
// order.
func (tx *Tx) ActiveThumbprints(acct int64) ([]batch.Thumbprint, error) {
	texts, err := rows(tx, column[string], `SELECT thumb FROM cert WHERE acct = ? AND state = 'active' ORDER BY thumb`, acct)
	if err != nil {
		return nil, err
	}
	all := make([]batch.Thumbprint, 0, len(texts))
	for _, text := range texts {
		tp, err := batch.ParseThumbprint(text)
		if err != nil {
			return nil, err
		}
		all = append(all, tp)
	}
	return all, nil
}
