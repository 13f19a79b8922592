package db

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// migrations bring the schema forward, one version each. A released one never
// changes. They are written in SQLite's words; see dialect for others.
var migrations = [][]string{version1, slices.Concat(version2, version2Nodes, version2Uses)}

// Ids of pools and nodes are in lower case, since the API compares them without
// regard to case; name is as the user wrote it. Times are in nanoseconds. A
// thumbprint is SHA-1, the only algorithm of the API.
var version1 = []string{
	`CREATE TABLE data_key (
		id      BIGINT PRIMARY KEY,
		master  TEXT NOT NULL, -- id of the master key that opens it
		sealed  BLOB NOT NULL,
		created BIGINT NOT NULL)`,

	// rev is bumped first in every write of the API: it is the account's lock and
	// its clock.
	`CREATE TABLE account (
		id            BIGINT PRIMARY KEY,
		name          TEXT NOT NULL UNIQUE,
		rev           BIGINT NOT NULL,
		pools_rev     BIGINT NOT NULL, -- rev of the last deletion of a pool
		primary_key   BLOB NOT NULL, -- sealed
		secondary_key BLOB NOT NULL, -- sealed
		created       BIGINT NOT NULL)`,

	`CREATE TABLE cert (
		acct         BIGINT NOT NULL REFERENCES account,
		thumb        TEXT NOT NULL,
		state        TEXT NOT NULL CHECK (state IN ('active', 'deleting', 'deletefailed')),
		state_at     BIGINT NOT NULL,
		prev_state   TEXT NOT NULL,
		prev_at      BIGINT NOT NULL,
		format       TEXT NOT NULL,
		public       BLOB NOT NULL, -- DER
		delete_error TEXT NOT NULL, -- JSON, or empty
		rev          BIGINT NOT NULL,
		PRIMARY KEY (acct, thumb))`,
	`CREATE INDEX cert_deleting ON cert (state_at) WHERE state = 'deleting'`,

	// Apart, so that lists stay small.
	`CREATE TABLE cert_blob (
		acct     BIGINT NOT NULL,
		thumb    TEXT NOT NULL,
		data     BLOB NOT NULL, -- sealed
		password BLOB NOT NULL, -- sealed
		PRIMARY KEY (acct, thumb),
		FOREIGN KEY (acct, thumb) REFERENCES cert ON DELETE CASCADE)`,

	`CREATE TABLE pool (
		acct      BIGINT NOT NULL REFERENCES account,
		id        TEXT NOT NULL,
		name      TEXT NOT NULL,
		rev       BIGINT NOT NULL,
		refs_rev  BIGINT NOT NULL, -- rev of the last change of refs
		nodes_rev BIGINT NOT NULL, -- rev of the last eviction of a node, or of the pool's creation
		created   BIGINT NOT NULL,
		modified  BIGINT NOT NULL,
		refs      TEXT NOT NULL, -- JSON of the references, as answered; pool_ref is the relation
		doc       TEXT NOT NULL, -- JSON of the properties without an effect
		PRIMARY KEY (acct, id))`,
	`CREATE INDEX pool_refs_rev ON pool (acct, refs_rev)`,
	`CREATE INDEX pool_nodes_rev ON pool (acct, nodes_rev)`,

	`CREATE TABLE pool_ref (
		acct  BIGINT NOT NULL,
		pool  TEXT NOT NULL,
		thumb TEXT NOT NULL,
		PRIMARY KEY (acct, pool, thumb),
		FOREIGN KEY (acct, pool) REFERENCES pool ON DELETE CASCADE,
		FOREIGN KEY (acct, thumb) REFERENCES cert ON DELETE RESTRICT)`,
	`CREATE INDEX pool_ref_thumb ON pool_ref (acct, thumb)`,

	`CREATE TABLE join_token (
		id        TEXT PRIMARY KEY,
		acct      BIGINT NOT NULL,
		pool      TEXT NOT NULL,
		hash      BLOB NOT NULL,
		created   BIGINT NOT NULL,
		expires   BIGINT NOT NULL,
		uses_left BIGINT NOT NULL, -- -1: no limit
		FOREIGN KEY (acct, pool) REFERENCES pool ON DELETE CASCADE)`,
	`CREATE INDEX join_token_pool ON join_token (acct, pool, created)`,

	`CREATE TABLE node (
		acct        BIGINT NOT NULL,
		pool        TEXT NOT NULL,
		id          TEXT NOT NULL,
		key_sha256  BLOB NOT NULL UNIQUE, -- of the SubjectPublicKeyInfo; renewal keeps the key
		public_key  BLOB NOT NULL,        -- SubjectPublicKeyInfo
		seal_key    BLOB NOT NULL,        -- HPKE public key
		enrolled    BIGINT NOT NULL,
		booted      BIGINT NOT NULL,
		reported    BIGINT NOT NULL,      -- 0: has not reported yet
		seen        BIGINT NOT NULL,      -- some minutes late
		revision    TEXT NOT NULL,        -- of the references that it reported last
		agent       TEXT NOT NULL,
		PRIMARY KEY (acct, pool, id),
		FOREIGN KEY (acct, pool) REFERENCES pool ON DELETE CASCADE)`,

	// Keys of nodes that were evicted, while an older token could let them in again.
	`CREATE TABLE evicted (
		acct       BIGINT NOT NULL REFERENCES account,
		key_sha256 BLOB NOT NULL,
		at         BIGINT NOT NULL,
		PRIMARY KEY (acct, key_sha256))`,
	`CREATE INDEX evicted_at ON evicted (acct, at)`,

	`CREATE TABLE node_cert (
		acct  BIGINT NOT NULL,
		pool  TEXT NOT NULL,
		node  TEXT NOT NULL,
		thumb TEXT NOT NULL,
		state TEXT NOT NULL CHECK (state IN ('delivering', 'installed', 'failed', 'removed')),
		at    BIGINT NOT NULL,
		error TEXT NOT NULL,
		public_only BIGINT NOT NULL, -- 1: installed without a private key
		PRIMARY KEY (acct, pool, node, thumb),
		FOREIGN KEY (acct, pool, node) REFERENCES node ON DELETE CASCADE,
		FOREIGN KEY (acct, thumb) REFERENCES cert ON DELETE CASCADE)`,
	`CREATE INDEX node_cert_thumb ON node_cert (acct, thumb, state)`,
}

// migrate makes the tables, or brings them up to date.
func migrate(tx *Tx) error {
	if _, err := tx.exec(tx.dialect.schema(`CREATE TABLE IF NOT EXISTS meta (k TEXT PRIMARY KEY, v TEXT NOT NULL)`)); err != nil {
		return err
	}
	text, err := tx.meta("schema")
	if errors.Is(err, ErrNotFound) {
		text, err = "0", nil
	}
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("schema version %q: %w", text, err)
	}
	if version > len(migrations) {
		return fmt.Errorf("%w: its schema has version %d, this program knows %d", ErrNewer, version, len(migrations))
	}
	if version == len(migrations) {
		return nil
	}
	for i, statements := range migrations[version:] {
		for _, s := range statements {
			if _, err := tx.exec(tx.dialect.schema(s)); err != nil {
				return fmt.Errorf("bring the schema to version %d: %w", version+i+1, err)
			}
		}
	}
	return tx.setMeta("schema", strconv.Itoa(len(migrations)))
}
