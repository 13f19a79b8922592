package db

import (
	"strconv"
	"strings"
)

// A dialect is what differs between engines. Queries are the same for all, in
// SQLite's words; nil leaves them as they are.
type dialect struct {
	types *strings.Replacer // of the schema
	words *strings.Replacer // of queries

	numbered bool // parameters are $1, $2, ... and not ?

	// Locks. SQLite's updates are serial, so it needs none.
	shareAccount, takeAccount string // statements with the account's id
	forUpdate                 string // after a query of a row

	notify string // tells its parameter to those who listen

	text func(string) string // what of a text can be stored; nil: all
}

var sqliteDialect = dialect{}

// In PostgreSQL a text is compared byte by byte, as lists are; and a property is
// read from the text of a JSON document.
var postgresDialect = dialect{
	types:     strings.NewReplacer("BLOB", "BYTEA", "TEXT", `TEXT COLLATE "C"`),
	words:     strings.NewReplacer("doc ->> ", "CAST(doc AS JSON) ->> ", "doc -> ", "CAST(doc AS JSON) ->> "),
	numbered:  true,
	forUpdate: " FOR UPDATE",

	// Not row locks: those who share one would keep out for long who wants it alone.
	// These have a queue. The number is ours alone.
	shareAccount: "SELECT pg_advisory_xact_lock_shared(1886544752, CAST(? AS INTEGER))",
	takeAccount:  "SELECT pg_advisory_xact_lock(1886544752, CAST(? AS INTEGER))",

	notify: "SELECT pg_notify('" + channel + "', ?)",
	text:   storableText,
}

// storableText replaces what PostgreSQL has in no text. It comes from outside, in
// messages of nodes and in properties of pools.
func storableText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func (d *dialect) schema(statement string) string {
	if d.types == nil {
		return statement
	}
	return d.types.Replace(statement)
}

// query returns a query in the dialect. No query has a ? inside of a text.
func (d *dialect) query(query string) string {
	if d.words != nil {
		query = d.words.Replace(query)
	}
	if !d.numbered {
		return query
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// args returns parameters as they can be stored. It may change the slice.
func (d *dialect) args(args []any) []any {
	if d.text != nil {
		for i, a := range args {
			if s, ok := a.(string); ok {
				args[i] = d.text(s)
			}
		}
	}
	return args
}
