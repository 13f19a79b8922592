package db

import "strings"

// A dialect is what differs between engines. Queries are the same for all:
// portable SQL without types.
type dialect struct {
	types *strings.Replacer // for the schema; nil: none
}

// SQLite is the language of the schema. (PostgreSQL will say BYTEA for BLOB, and
// TEXT COLLATE "C" for TEXT, since lists are in byte order.)
var sqliteDialect = dialect{}

func (d dialect) schema(statement string) string {
	if d.types == nil {
		return statement
	}
	return d.types.Replace(statement)
}
