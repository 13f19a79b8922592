package account

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"poolcert/account/db"
	"poolcert/batch"
)

// A sealer encrypts fields of rows with data keys. The data keys are in the
// database, sealed by master keys, so that a new master key means to seal a few
// rows again and not all.
type sealer struct {
	keys     map[int64]cipher.AEAD
	current  int64
	counters *counters
}

// openSealer opens the data keys of the database, and makes the first one.
func openSealer(ctx context.Context, d *db.DB, ring *Keyring, c *counters) (*sealer, error) {
	var keys []db.DataKey
	err := d.Update(ctx, func(tx *db.Tx) (err error) {
		if keys, err = tx.DataKeys(); err != nil || len(keys) > 0 {
			return err
		}
		first := newDataKey(1, ring.keys[0])
		keys = append(keys, first)
		return tx.AddDataKey(&first)
	})
	if err != nil {
		return nil, fmt.Errorf("read data keys: %w", err)
	}
	s := &sealer{keys: make(map[int64]cipher.AEAD, len(keys)), counters: c}
	for _, k := range keys {
		key, err := ring.openDataKey(k)
		if err != nil {
			return nil, err
		}
		s.keys[k.ID], s.current = newAEAD(key), k.ID
		clear(key)
	}
	return s, nil
}

func (r *Keyring) openDataKey(k db.DataKey) ([]byte, error) {
	master, ok := r.find(k.Master)
	if !ok {
		return nil, fmt.Errorf("%w: the database is sealed with the key %s, which the keyring doesn't have", ErrMasterKey, k.Master)
	}
	key, err := master.aead.Open(nil, nil, k.Sealed, dataKeyContext(k.ID))
	if err != nil {
		return nil, fmt.Errorf("%w: the key %s doesn't open the database's data key %d", ErrMasterKey, k.Master, k.ID)
	}
	return key, nil
}

func newDataKey(id int64, master masterKey) db.DataKey {
	var key [32]byte
	rand.Read(key[:])
	defer clear(key[:])
	return db.DataKey{
		ID:      id,
		Master:  master.id,
		Sealed:  master.aead.Seal(nil, nil, key[:], dataKeyContext(id)),
		Created: time.Now(),
	}
}

func dataKeyContext(id int64) []byte {
	return binary.BigEndian.AppendUint64([]byte("poolcert data key v1\x00"), uint64(id))
}

// A place is where a sealed field belongs; it opens nowhere else.
type place struct {
	account    string
	thumbprint string // empty for a field of the account itself
	field      string
}

func certificatePlace(a string, tp batch.Thumbprint, field string) place {
	return place{account: a, thumbprint: tp.String(), field: field}
}

// context is the additional data of the encryption: each part with its length.
func (p place) context() []byte {
	b := cryptobyte.NewBuilder([]byte("poolcert at rest v1\x00"))
	for _, part := range []string{p.account, p.thumbprint, p.field} {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(part)) })
	}
	return b.BytesOrPanic() // names are short
}

// sealedVersion is the first byte of a sealed field; the data key's id and the
// ciphertext with its nonce follow.
const sealedVersion = 1

func (s *sealer) seal(p place, plain []byte) []byte {
	s.counters.sealed.Add(1)
	out := binary.BigEndian.AppendUint64([]byte{sealedVersion}, uint64(s.current))
	return s.keys[s.current].Seal(out, nil, plain, p.context())
}

var errSealed = errors.New("the sealed field was altered, moved, or sealed with an unknown key")

func (s *sealer) open(p place, sealed []byte) ([]byte, error) {
	const header = 1 + 8
	if len(sealed) < header || sealed[0] != sealedVersion {
		return nil, fmt.Errorf("open %s: %w", p.field, errSealed)
	}
	aead, ok := s.keys[int64(binary.BigEndian.Uint64(sealed[1:header]))]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", p.field, errSealed)
	}
	plain, err := aead.Open(nil, nil, sealed[header:], p.context())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", p.field, errSealed)
	}
	s.counters.unsealed.Add(1)
	return plain, nil
}
