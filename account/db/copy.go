package db

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrNotEmpty is wrapped when a database is to be filled that has rows already.
var ErrNotEmpty = errors.New("the database is not empty")

// ErrIncomplete is wrapped when a database was being filled by [Copy] and that did
// not end.
var ErrIncomplete = errors.New("the database was not copied to its end")

// tables are all tables with rows of accounts; what a row refers to is before it.
var tables = []string{"data_key", "account", "cert", "cert_blob", "cert_name", "pool", "pool_ref", "cert_use", "join_token", "node", "node_cert", "evicted"}

// incomplete is the key in meta of a copy that has not ended.
const incomplete = "incomplete"

// copyBatch is how many rows one transaction copies. The largest are certificates
// of some kilobytes.
const copyBatch = 500

// A TableCount is how many rows a table has.
type TableCount struct {
	Table string
	Rows  int64
}

// Copy fills an empty database with all that another one holds at one moment, and
// returns how many rows each table has, in both. The copy has an incarnation of
// its own: revisions of the two never mean the same. When Copy fails, make the
// target anew; Open refuses it with [ErrIncomplete]. Nothing else may use the
// target meanwhile. Error: [ErrNotEmpty].
func Copy(ctx context.Context, to, from *DB) (counts []TableCount, err error) {
	if err := to.Update(ctx, beginCopy); err != nil {
		return nil, fmt.Errorf("copy database: %w", err)
	}
	err = from.View(ctx, func(source *Tx) error {
		counts = nil
		for _, table := range tables {
			n, err := copyTable(ctx, to, source, table)
			if err != nil {
				return fmt.Errorf("table %s: %w", table, err)
			}
			counts = append(counts, TableCount{table, n})
		}
		return nil
	})
	if err == nil {
		err = to.Update(ctx, func(tx *Tx) error { return endCopy(tx, counts) })
	}
	if err != nil {
		return nil, fmt.Errorf("copy database: %w", err)
	}
	return counts, nil
}

func beginCopy(tx *Tx) error {
	for _, table := range tables {
		n, err := tx.count(table)
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: its table %s has %d rows", ErrNotEmpty, table, n)
		}
	}
	return tx.setMeta(incomplete, "yes")
}

// endCopy makes sure that the target has what was read.
func endCopy(tx *Tx, counts []TableCount) error {
	for _, c := range counts {
		n, err := tx.count(c.Table)
		if err != nil {
			return err
		}
		if n != c.Rows {
			return fmt.Errorf("table %s: got %d rows, want %d", c.Table, n, c.Rows)
		}
	}
	_, err := tx.exec(`DELETE FROM meta WHERE k = ?`, incomplete)
	return err
}

func (tx *Tx) count(table string) (n int64, err error) {
	err = tx.row([]any{&n}, `SELECT count(*) FROM `+table)
	return n, err
}

// copyTable reads the rows of a table and writes them in transactions of their own.
func copyTable(ctx context.Context, to *DB, source *Tx, table string) (n int64, err error) {
	found, err := source.q.QueryContext(source.ctx, `SELECT * FROM `+table)
	if err != nil {
		return 0, err
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		return 0, err
	}
	var batch [][]any
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		n += int64(len(batch))
		err := to.Update(ctx, func(tx *Tx) error { return insertAll(tx, table, columns, batch) })
		batch = batch[:0]
		return err
	}
	for found.Next() {
		row := make([]any, len(columns))
		fields := make([]any, len(columns))
		for i := range row {
			fields[i] = &row[i]
		}
		if err := found.Scan(fields...); err != nil {
			return n, err
		}
		for i := range row {
			if row[i] == nil { // a driver's way to say an empty BLOB; no column is NULL
				row[i] = []byte{}
			}
		}
		if batch = append(batch, row); len(batch) == copyBatch {
			if err := flush(); err != nil {
				return n, err
			}
		}
	}
	if err := found.Err(); err != nil {
		return n, err
	}
	return n, flush()
}

// insertAll adds rows with one statement.
func insertAll(tx *Tx, table string, columns []string, batch [][]any) error {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")"
	var values []any
	for _, r := range batch {
		values = append(values, r...)
	}
	_, err := tx.exec(`INSERT INTO `+table+` (`+strings.Join(columns, ", ")+`) VALUES `+
		row+strings.Repeat(", "+row, len(batch)-1), values...)
	return err
}
