package db

// What version 2 of the schema has more of nodes: the state of the last report,
// the address that it came from, and what it told of hooks. Nobody knows since when the nodes that are there
// are in their states; their last report is the best guess.
var version2Nodes = []string{
	`ALTER TABLE node ADD COLUMN state TEXT NOT NULL DEFAULT 'starting'`,
	`ALTER TABLE node ADD COLUMN state_at BIGINT NOT NULL DEFAULT 0`,
	`ALTER TABLE node ADD COLUMN address TEXT NOT NULL DEFAULT ''`,
	`ALTER TABLE node ADD COLUMN hooks TEXT NOT NULL DEFAULT ''`,
	`UPDATE node SET state_at = CASE WHEN reported = 0 THEN enrolled ELSE reported END,
		state = CASE WHEN reported = 0 THEN 'starting'
			WHEN EXISTS (SELECT 1 FROM node_cert c WHERE c.acct = node.acct AND c.pool = node.pool AND c.node = node.id AND c.state = 'failed') THEN 'unusable'
			ELSE 'idle' END`,
}
