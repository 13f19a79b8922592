package db

import (
	"crypto/sha256"
	"strconv"
	"time"

	"poolcert/batch"
)

// A Node is a row.
type Node struct {
	Account      int64
	Pool         string
	ID           string
	KeySHA256    [sha256.Size]byte // of PublicKey
	PublicKey    []byte            // SubjectPublicKeyInfo
	SealKey      []byte
	Enrolled     time.Time
	Booted       time.Time // zero: unknown
	Reported     time.Time // zero: never
	Seen         time.Time
	Revision     string // of the references that it reported
	AgentVersion string
	State        batch.NodeState // of its last report
	StateTime    time.Time       // since when it is in that state, or was seen again
	Address      string          // where its last report came from; empty: unknown
	Hooks        string          // JSON, as reported; empty: none
}

const nodeColumns = `acct, pool, id, public_key, seal_key, enrolled, booted, reported, seen, revision, agent, state, state_at, address, hooks`

func (n *Node) fields() []any {
	return []any{&n.Account, &n.Pool, &n.ID, &n.PublicKey, &n.SealKey, scanTime{&n.Enrolled}, scanTime{&n.Booted},
		scanTime{&n.Reported}, scanTime{&n.Seen}, &n.Revision, &n.AgentVersion,
		&n.State, scanTime{&n.StateTime}, &n.Address, &n.Hooks}
}

func (tx *Tx) node(where string, args ...any) (*Node, error) {
	n := new(Node)
	if err := tx.row(n.fields(), `SELECT `+nodeColumns+` FROM node WHERE `+where, args...); err != nil {
		return nil, err
	}
	n.KeySHA256 = sha256.Sum256(n.PublicKey)
	return n, nil
}

// Node returns one node.
func (tx *Tx) Node(acct int64, pool, id string) (*Node, error) {
	return tx.node(`acct = ? AND pool = ? AND id = ?`, acct, pool, id)
}

// LockNode returns one node, and keeps others from changing it until the end of
// the transaction.
func (tx *Tx) LockNode(acct int64, pool, id string) (*Node, error) {
	return tx.node(`acct = ? AND pool = ? AND id = ?`+tx.dialect.forUpdate, acct, pool, id)
}

// NodeByKey returns the node with that key, whatever its account.
func (tx *Tx) NodeByKey(key [sha256.Size]byte) (*Node, error) {
	return tx.node(`key_sha256 = ?`, key[:])
}

// Nodes returns up to limit nodes of a pool after one, or from the start. The
// filter takes a node as unknown that was not seen since the given time.
func (tx *Tx) Nodes(acct int64, pool, after string, f *Filter, since time.Time, limit int) ([]Node, error) {
	where, args, err := f.where(nodeProperties(since))
	if err != nil {
		return nil, err
	}
	nodes, err := rows(tx, (*Node).fields,
		`SELECT `+nodeColumns+` FROM node WHERE acct = ? AND pool = ? AND id > ? AND `+where+` ORDER BY id LIMIT ?`,
		append(append([]any{acct, pool, after}, args...), limit)...)
	for i := range nodes {
		nodes[i].KeySHA256 = sha256.Sum256(nodes[i].PublicKey)
	}
	return nodes, err
}

// nodeProperties are those of nodes that a filter knows. Start tasks are none of
// the account's matters, so no node has the properties of one.
func nodeProperties(since time.Time) map[string]property {
	lost := strconv.FormatInt(nanos(since), 10)
	patience := strconv.FormatInt(int64(time.Since(since)), 10) // from seen to unknown
	return map[string]property{
		"id":    {expr: "id"},
		"state": {expr: "CASE WHEN seen < " + lost + " THEN 'unknown' ELSE state END"},
		"stateTransitionTime": {
			expr: "CASE WHEN seen < " + lost + " THEN seen + " + patience + " ELSE state_at END",
			kind: isTime,
		},
		"allocationTime":          {expr: "enrolled", kind: isTime},
		"lastBootTime":            {expr: "NULLIF(booted, 0)", kind: isTime},
		"startTaskInfo/state":     {expr: absentText},
		"startTaskInfo/result":    {expr: absentText},
		"startTaskInfo/exitCode":  {expr: absentNumber, kind: isInt},
		"startTaskInfo/startTime": {expr: absentNumber, kind: isTime},
		"startTaskInfo/endTime":   {expr: absentNumber, kind: isTime},
	}
}

// CountNodes returns how many nodes a pool has. It reads them all.
func (tx *Tx) CountNodes(acct int64, pool string) (n int, err error) {
	err = tx.row([]any{&n}, `SELECT count(*) FROM node WHERE acct = ? AND pool = ?`, acct, pool)
	return n, err
}

// NodeKeys returns the key hashes of a pool's nodes.
func (tx *Tx) NodeKeys(acct int64, pool string) ([][sha256.Size]byte, error) {
	found, err := rows(tx, column[[]byte], `SELECT key_sha256 FROM node WHERE acct = ? AND pool = ?`, acct, pool)
	if err != nil {
		return nil, err
	}
	keys := make([][sha256.Size]byte, 0, len(found))
	for _, k := range found {
		keys = append(keys, [sha256.Size]byte(k))
	}
	return keys, nil
}

// AddNode inserts a node.
func (tx *Tx) AddNode(n *Node) error {
	n.KeySHA256 = sha256.Sum256(n.PublicKey)
	_, err := tx.exec(`INSERT INTO node (`+nodeColumns+`, key_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n.Account, n.Pool, n.ID, n.PublicKey, n.SealKey, nanos(n.Enrolled), nanos(n.Booted), nanos(n.Reported), nanos(n.Seen),
		n.Revision, n.AgentVersion, string(n.State), nanos(n.StateTime), n.Address, n.Hooks, n.KeySHA256[:])
	return err
}

// SetNodeSealKey replaces the key to which certificates for the node are sealed.
func (tx *Tx) SetNodeSealKey(acct int64, pool, id string, key []byte) error {
	return tx.one(`UPDATE node SET seal_key = ? WHERE acct = ? AND pool = ? AND id = ?`, key, acct, pool, id)
}

// SetNodeReport writes what a node reported of itself.
func (tx *Tx) SetNodeReport(n *Node) error {
	return tx.one(`UPDATE node SET booted = ?, reported = ?, seen = ?, revision = ?, agent = ?, state = ?, state_at = ?, address = ?, hooks = ?
		WHERE acct = ? AND pool = ? AND id = ?`,
		nanos(n.Booted), nanos(n.Reported), nanos(n.Seen), n.Revision, n.AgentVersion, string(n.State), nanos(n.StateTime), n.Address, n.Hooks,
		n.Account, n.Pool, n.ID)
}

// SetNodeSeen writes when the node with that key was seen, unless it is gone. After
// longer than patience it is back in its state since that time.
func (tx *Tx) SetNodeSeen(key [sha256.Size]byte, at time.Time, patience time.Duration) error {
	_, err := tx.exec(`UPDATE node SET state_at = CASE WHEN seen < ? THEN ? ELSE state_at END, seen = ? WHERE key_sha256 = ? AND seen < ?`,
		nanos(at.Add(-patience)), nanos(at), nanos(at), key[:], nanos(at))
	return err
}

// AbsentNodes returns up to limit nodes of all accounts that were not seen since a
// time. It reads them all.
func (tx *Tx) AbsentNodes(since time.Time, limit int) ([]Node, error) {
	nodes, err := rows(tx, (*Node).fields,
		`SELECT `+nodeColumns+` FROM node WHERE seen < ? ORDER BY acct, pool, id LIMIT ?`, nanos(since), limit)
	for i := range nodes {
		nodes[i].KeySHA256 = sha256.Sum256(nodes[i].PublicKey)
	}
	return nodes, err
}

// DeleteNode removes a node with what it holds.
func (tx *Tx) DeleteNode(acct int64, pool, id string) error {
	return tx.one(`DELETE FROM node WHERE acct = ? AND pool = ? AND id = ?`, acct, pool, id)
}
