package db

// What version 2 of the schema has more of the use of keys: the last one in each
// pool, which outlasts the node that it was on, and nodes where files hold the key.
var version2Uses = []string{
	`CREATE TABLE cert_use (
		acct  BIGINT NOT NULL,
		thumb TEXT NOT NULL,
		pool  TEXT NOT NULL,
		node  TEXT NOT NULL, -- it may be gone
		at    BIGINT NOT NULL,
		PRIMARY KEY (acct, thumb, pool),
		FOREIGN KEY (acct, thumb) REFERENCES cert ON DELETE CASCADE,
		FOREIGN KEY (acct, pool) REFERENCES pool ON DELETE CASCADE)`,
	`CREATE INDEX cert_use_pool ON cert_use (acct, pool)`,
	`ALTER TABLE node_cert ADD COLUMN key_files BIGINT NOT NULL DEFAULT 0`,
}
