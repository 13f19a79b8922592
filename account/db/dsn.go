package db

import (
	"net/url"
	"strings"
)

// IsPostgres tells whether a dsn is the URL of a PostgreSQL database.
func IsPostgres(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

// Redacted returns a dsn without the password that may be in it. One without a
// password is returned as it is.
func Redacted(dsn string) string {
	if !IsPostgres(dsn) {
		return dsn
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "postgres://..."
	}
	const hidden = "xxxxx"
	query := u.Query()
	_, secret := u.User.Password()
	if !secret && !query.Has("password") {
		return dsn
	}
	if query.Has("password") {
		query.Set("password", hidden)
		u.RawQuery = query.Encode()
	}
	if secret {
		u.User = url.UserPassword(u.User.Username(), hidden)
	}
	return u.String()
}
