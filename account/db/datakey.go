package db

import "time"

// A DataKey is a row: a key that seals other rows, sealed by a master key.
type DataKey struct {
	ID      int64
	Master  string // id of the master key
	Sealed  []byte
	Created time.Time
}

// DataKeys returns all data keys, oldest first.
func (tx *Tx) DataKeys() ([]DataKey, error) {
	return rows(tx, func(k *DataKey) []any { return []any{&k.ID, &k.Master, &k.Sealed, scanTime{&k.Created}} },
		`SELECT id, master, sealed, created FROM data_key ORDER BY id`)
}

// AddDataKey inserts a data key.
func (tx *Tx) AddDataKey(k *DataKey) error {
	_, err := tx.exec(`INSERT INTO data_key (id, master, sealed, created) VALUES (?, ?, ?, ?)`,
		k.ID, k.Master, k.Sealed, nanos(k.Created))
	return err
}

// SetDataKey writes a data key as another master key sealed it.
func (tx *Tx) SetDataKey(k *DataKey) error {
	return tx.one(`UPDATE data_key SET master = ?, sealed = ? WHERE id = ?`, k.Master, k.Sealed, k.ID)
}
