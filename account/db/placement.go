package db

import (
	"crypto/sha256"
	"time"

	"poolcert/batch"
)

// A PoolPlacement tells how many nodes of one pool have one certificate.
type PoolPlacement struct {
	ID, Name string // of the pool
	Refers   bool   // the pool refers to the certificate now
	Nodes    int    // of the pool

	// Nodes by what is known of the certificate there.
	Installed, Failed, Delivering, Removed int
	KeyInFiles                             int // nodes that have it installed, with the key in files

	LastUsed     time.Time // of the key; zero: never
	LastUsedNode string
}

func (p *PoolPlacement) fields() []any {
	return []any{&p.ID, &p.Name, &p.Refers, &p.Nodes, &p.Installed, &p.Failed, &p.Delivering, &p.Removed, &p.KeyInFiles, scanTime{&p.LastUsed}, &p.LastUsedNode}
}

// PoolPlacements returns up to limit pools after one, or from the start, that refer
// to a certificate, have used its key, or have nodes that do or did hold it.
func (tx *Tx) PoolPlacements(acct int64, tp batch.Thumbprint, after string, limit int) ([]PoolPlacement, error) {
	thumb := tp.String()
	return rows(tx, (*PoolPlacement).fields, `SELECT p.id, p.name, CASE WHEN r.thumb IS NULL THEN 0 ELSE 1 END,
			(SELECT count(*) FROM node n WHERE n.acct = p.acct AND n.pool = p.id),
			COALESCE(c.installed, 0), COALESCE(c.failed, 0), COALESCE(c.delivering, 0), COALESCE(c.removed, 0),
			COALESCE(c.key_files, 0), COALESCE(u.at, 0), COALESCE(u.node, '')
		FROM pool p
		LEFT JOIN pool_ref r ON r.acct = p.acct AND r.pool = p.id AND r.thumb = ?
		LEFT JOIN cert_use u ON u.acct = p.acct AND u.pool = p.id AND u.thumb = ?
		LEFT JOIN (SELECT pool,
				sum(CASE WHEN state = 'installed' THEN 1 ELSE 0 END) AS installed,
				sum(CASE WHEN state = 'failed' THEN 1 ELSE 0 END) AS failed,
				sum(CASE WHEN state = 'delivering' THEN 1 ELSE 0 END) AS delivering,
				sum(CASE WHEN state = 'removed' THEN 1 ELSE 0 END) AS removed,
				sum(key_files) AS key_files
			FROM node_cert WHERE acct = ? AND thumb = ? GROUP BY pool) c ON c.pool = p.id
		WHERE p.acct = ? AND p.id > ? AND (r.thumb IS NOT NULL OR c.pool IS NOT NULL OR u.pool IS NOT NULL) ORDER BY p.id LIMIT ?`,
		thumb, thumb, acct, thumb, acct, after, limit)
}

// A NodePlacement tells of one certificate on one node.
type NodePlacement struct {
	Pool, PoolName string
	Node           string
	KeySHA256      [sha256.Size]byte // of the node
	Seen           time.Time         // of the node
	State          batch.NodeCertificateState
	Time           time.Time // zero: nothing is known yet
	Error          string
	PublicOnly     bool
}

func (p *NodePlacement) fields() []any {
	return []any{&p.Pool, &p.PoolName, &p.Node, scanKey{&p.KeySHA256}, scanTime{&p.Seen}, &p.State, scanTime{&p.Time}, &p.Error, &p.PublicOnly}
}

// placementProperties are those of the row c of node_cert, or its absence. A node
// whose pool refers to the certificate waits for it, whether or not it had it before.
func placementProperties(refers bool) map[string]property {
	state := "c.state"
	if refers {
		state = "CASE WHEN c.state IS NULL OR c.state = 'removed' THEN 'waiting' ELSE c.state END"
	}
	return map[string]property{
		"state":  {expr: state},
		"poolId": {expr: "n.pool"},
		"nodeId": {expr: "n.id"},
	}
}

// NodePlacements returns up to limit nodes of all pools after one, or from the
// start, that are to have a certificate, or do or did hold it.
func (tx *Tx) NodePlacements(acct int64, tp batch.Thumbprint, pool, node string, f *Filter, limit int) ([]NodePlacement, error) {
	thumb := tp.String()
	type place struct {
		pool   string
		refers bool
	}
	pools, err := rows(tx, func(p *place) []any { return []any{&p.pool, &p.refers} },
		`SELECT pool, max(refers) FROM (
			SELECT pool, 1 AS refers FROM pool_ref WHERE acct = ? AND thumb = ? AND pool >= ?
			UNION SELECT pool, 0 AS refers FROM node_cert WHERE acct = ? AND thumb = ? AND pool >= ?) AS both_kinds
		GROUP BY pool ORDER BY pool`, acct, thumb, pool, acct, thumb, pool)
	if err != nil {
		return nil, err
	}
	// One by one: no planner finds a good way through all of them.
	var all []NodePlacement
	for _, p := range pools {
		if p.pool != pool {
			node = ""
		}
		page, err := tx.poolNodePlacements(acct, thumb, p.pool, node, p.refers, f, limit-len(all))
		if all = append(all, page...); err != nil || len(all) >= limit {
			return all, err
		}
	}
	return all, nil
}

// poolNodePlacements are those of one pool.
func (tx *Tx) poolNodePlacements(acct int64, thumb, pool, after string, refers bool, f *Filter, limit int) ([]NodePlacement, error) {
	properties := placementProperties(refers)
	where, args, err := f.where(properties)
	if err != nil {
		return nil, err
	}
	join := "JOIN"
	if refers {
		join = "LEFT JOIN"
	}
	return rows(tx, (*NodePlacement).fields, `SELECT n.pool, p.name, n.id, n.key_sha256, n.seen, `+properties["state"].expr+`,
			COALESCE(c.at, 0), COALESCE(c.error, ''), COALESCE(c.public_only, 0)
		FROM node n JOIN pool p ON p.acct = n.acct AND p.id = n.pool
		`+join+` node_cert c ON c.acct = n.acct AND c.pool = n.pool AND c.node = n.id AND c.thumb = ?
		WHERE n.acct = ? AND n.pool = ? AND n.id > ? AND `+where+` ORDER BY n.id LIMIT ?`,
		append(append([]any{thumb, acct, pool, after}, args...), limit)...)
}
