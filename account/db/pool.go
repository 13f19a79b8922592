package db

import (
	"time"

	"poolcert/batch"
)

// A Pool is a row.
type Pool struct {
	Account            int64
	ID                 string // lower case
	Name               string // the id as it was given
	Revision           int64
	ReferencesRevision int64 // the revision that changed the references last
	Created, Modified  time.Time
	References         string // JSON
	Properties         string // JSON
}

const poolColumns = `acct, id, name, rev, refs_rev, created, modified, refs, doc`

func (p *Pool) fields() []any {
	return []any{&p.Account, &p.ID, &p.Name, &p.Revision, &p.ReferencesRevision, scanTime{&p.Created}, scanTime{&p.Modified},
		&p.References, &p.Properties}
}

// Pool returns one pool.
func (tx *Tx) Pool(acct int64, id string) (*Pool, error) {
	p := new(Pool)
	if err := tx.row(p.fields(), `SELECT `+poolColumns+` FROM pool WHERE acct = ? AND id = ?`, acct, id); err != nil {
		return nil, err
	}
	return p, nil
}

// All pools are active and steady. What the account keeps without an effect is
// JSON; see dialect for how other engines read it.
var poolProperties = map[string]property{
	"id":                            {expr: "id"},
	"state":                         {expr: "'active'"},
	"allocationState":               {expr: "'steady'"},
	"vmSize":                        {expr: "lower(doc ->> 'vmSize')"},
	"enableAutoScale":               {expr: "COALESCE(doc -> 'enableAutoScale', 'false')", kind: isBool},
	"enableInterNodeCommunication":  {expr: "COALESCE(doc -> 'enableInterNodeCommunication', 'false')", kind: isBool},
	"creationTime":                  {expr: "created", kind: isTime},
	"stateTransitionTime":           {expr: "created", kind: isTime},
	"allocationStateTransitionTime": {expr: "created", kind: isTime},
	"lastModified":                  {expr: "modified", kind: isTime},
}

// Pools returns up to limit pools after one, or from the start.
func (tx *Tx) Pools(acct int64, after string, f *Filter, limit int) ([]Pool, error) {
	where, args, err := f.where(poolProperties)
	if err != nil {
		return nil, err
	}
	return rows(tx, (*Pool).fields,
		`SELECT `+poolColumns+` FROM pool WHERE acct = ? AND id > ? AND `+where+` ORDER BY id LIMIT ?`,
		append(append([]any{acct, after}, args...), limit)...)
}

// AddPool inserts a pool without its relation to certificates. It may change the
// properties, so that they can be read again.
func (tx *Tx) AddPool(p *Pool) error {
	p.Properties = storableJSON(p.Properties)
	_, err := tx.exec(`INSERT INTO pool (`+poolColumns+`, nodes_rev) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.Account, p.ID, p.Name, p.Revision, p.ReferencesRevision, nanos(p.Created), nanos(p.Modified), p.References, p.Properties, p.Revision)
	return err
}

// SetPool writes the pool's revisions, references, properties and time of change. It
// may change the properties as [Tx.AddPool] does.
func (tx *Tx) SetPool(p *Pool) error {
	p.Properties = storableJSON(p.Properties)
	return tx.one(`UPDATE pool SET rev = ?, refs_rev = ?, modified = ?, refs = ?, doc = ? WHERE acct = ? AND id = ?`,
		p.Revision, p.ReferencesRevision, nanos(p.Modified), p.References, p.Properties, p.Account, p.ID)
}

// A PoolReference is a certificate to which a pool refers.
type PoolReference struct {
	Thumbprint batch.Thumbprint
	Name       string // by which it does, in lower case; empty: by the thumbprint
}

func (r *PoolReference) fields() []any { return []any{scanThumbprint{&r.Thumbprint}, &r.Name} }

// SetPoolReferences makes the pool refer to these certificates and no others.
func (tx *Tx) SetPoolReferences(acct int64, pool string, references []PoolReference) error {
	present, err := rows(tx, (*PoolReference).fields, `SELECT thumb, name FROM pool_ref WHERE acct = ? AND pool = ?`, acct, pool)
	if err != nil {
		return err
	}
	gone := make(map[PoolReference]bool, len(present))
	for _, r := range present {
		gone[r] = true
	}
	var added []PoolReference
	for _, r := range references {
		if !gone[r] {
			added = append(added, r)
		}
		delete(gone, r)
	}
	for r := range gone {
		if _, err := tx.exec(`DELETE FROM pool_ref WHERE acct = ? AND pool = ? AND thumb = ?`, acct, pool, r.Thumbprint.String()); err != nil {
			return err
		}
	}
	for _, r := range added {
		if _, err := tx.exec(`INSERT INTO pool_ref (acct, pool, thumb, name) VALUES (?, ?, ?, ?)`, acct, pool, r.Thumbprint.String(), r.Name); err != nil {
			return err
		}
	}
	return nil
}

// PoolCertificates returns the certificates to which the pool refers.
func (tx *Tx) PoolCertificates(acct int64, pool string) (certificates []batch.Thumbprint, err error) {
	return rows(tx, func(tp *batch.Thumbprint) []any { return []any{scanThumbprint{tp}} },
		`SELECT thumb FROM pool_ref WHERE acct = ? AND pool = ? ORDER BY thumb`, acct, pool)
}

// PoolRefersTo tells whether the pool refers to a certificate.
func (tx *Tx) PoolRefersTo(acct int64, pool string, tp batch.Thumbprint) (bool, error) {
	var n int
	err := tx.row([]any{&n}, `SELECT count(*) FROM pool_ref WHERE acct = ? AND pool = ? AND thumb = ?`, acct, pool, tp.String())
	return n > 0, err
}

// DeletePool removes a pool with its references, join tokens and nodes.
func (tx *Tx) DeletePool(acct int64, id string) error {
	return tx.one(`DELETE FROM pool WHERE acct = ? AND id = ?`, acct, id)
}
