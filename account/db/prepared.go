package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// maxPrepared bounds the statements that a connection keeps. There are fewer; lists
// of parameters have many lengths.
const maxPrepared = 256

// A prepared is a connection that keeps its statements: SQLite takes as long to
// compile one as to run it. It is not for concurrent use.
type prepared struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// statement returns the statement of a query, or nil if it is not kept.
func (p *prepared) statement(ctx context.Context, query string) *sql.Stmt {
	if s, ok := p.statements[query]; ok {
		return s
	}
	verb, _, _ := strings.Cut(query, " ")
	switch verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE":
	default:
		return nil // run once, or no statement on rows
	}
	if len(p.statements) == maxPrepared {
		return nil
	}
	s, err := p.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil // to run it gives the error
	}
	if p.statements == nil {
		p.statements = make(map[string]*sql.Stmt)
	}
	p.statements[query] = s
	return s
}

func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s := p.statement(ctx, query); s != nil {
		return s.ExecContext(ctx, args...)
	}
	return p.conn.ExecContext(ctx, query, args...)
}

func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := p.statement(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return p.conn.QueryContext(ctx, query, args...)
}

func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s := p.statement(ctx, query); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return p.conn.QueryRowContext(ctx, query, args...)
}

// close ends the statements. It must come before the close of the connection, which
// would leave its file open otherwise, and its log beside it.
func (p *prepared) close() (err error) {
	for _, s := range p.statements {
		err = errors.Join(err, s.Close())
	}
	p.statements = nil
	return err
}
