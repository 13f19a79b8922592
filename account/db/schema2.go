package db

// Names of certificates. What is new of a table stands with a default for the rows
// that are there.
var version2 = []string{
	// As it is spelled; empty: the certificate has none. cert_name has the rest.
	`ALTER TABLE cert ADD COLUMN name TEXT NOT NULL DEFAULT ''`,

	// The certificates that have a name, in lower case in id. Current is one of them at
	// most; held are those that pools which refer to the name keep beside it.
	`CREATE TABLE cert_name (
		acct  BIGINT NOT NULL,
		thumb TEXT NOT NULL,
		id    TEXT NOT NULL,
		state TEXT NOT NULL CHECK (state IN ('current', 'overlap', 'past')),
		added BIGINT NOT NULL,
		until BIGINT NOT NULL, -- when it leaves the pools, or left them; 0 for the current one
		rev   BIGINT NOT NULL, -- that made it the current one
		PRIMARY KEY (acct, thumb),
		FOREIGN KEY (acct, thumb) REFERENCES cert ON DELETE CASCADE)`,
	`CREATE UNIQUE INDEX cert_name_current ON cert_name (acct, id) WHERE state = 'current'`,
	`CREATE UNIQUE INDEX cert_name_rev ON cert_name (acct, id, rev)`,
	`CREATE INDEX cert_name_until ON cert_name (until) WHERE state = 'overlap'`,

	// By which name the pool refers to the certificate; empty: by its thumbprint.
	`ALTER TABLE pool_ref ADD COLUMN name TEXT NOT NULL DEFAULT ''`,
}
