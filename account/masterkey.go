package account

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"poolcert/account/db"
	"poolcert/internal/lockfile"
	"poolcert/internal/securefile"
)

// Errors of [ForgetMasterKey].
var (
	ErrNoMasterKey    = errors.New("the keyring has no such key")
	ErrMasterKeyInUse = errors.New("the database is sealed with this key")
)

// A MasterKey is what may be told of a master key.
type MasterKey struct {
	ID    string // 16 hexadecimal digits
	InUse bool   // the database is sealed with it
}

// MasterKeys tells of the keys of a keyring, in its order.
func MasterKeys(ctx context.Context, d *db.DB, ring *Keyring) ([]MasterKey, error) {
	used, err := usedMasterKeys(ctx, d)
	if err != nil {
		return nil, err
	}
	keys := make([]MasterKey, 0, len(ring.keys))
	for _, k := range ring.keys {
		keys = append(keys, MasterKey{ID: k.id, InUse: slices.Contains(used, k.id)})
	}
	return keys, nil
}

func usedMasterKeys(ctx context.Context, d *db.DB) (ids []string, err error) {
	err = d.View(ctx, func(tx *db.Tx) error {
		keys, err := tx.DataKeys()
		ids = nil
		for _, k := range keys {
			ids = append(ids, k.Master)
		}
		return err
	})
	return ids, err
}

// RotateMasterKey puts a new key into the file of a keyring, before those that it
// has, and seals the database's data keys with it. It returns the new key's id.
// Running services go on: they have the data keys already. The old keys stay in
// the file, since they open older backups, until [ForgetMasterKey].
//
// At each moment the file has the key with which the database is sealed. Replicas
// that start again need the new file first.
func RotateMasterKey(ctx context.Context, d *db.DB, path string) (id string, err error) {
	lock, err := lockKeyFile(path)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	ring, err := OpenKeyring(path)
	if err != nil {
		return "", err
	}
	if _, err := openSealer(ctx, d, ring, new(counters)); err != nil {
		return "", err
	}
	err = editKeyFile(path, func(text []byte) []byte {
		before, first, rest := cutFirstKey(text)
		made := "# Made on " + time.Now().UTC().Format(time.DateOnly) + "; the keys below are older.\n" + newKeyLine()
		return slices.Concat(before, []byte(made), first, rest)
	})
	if err != nil {
		return "", err
	}
	if ring, err = OpenKeyring(path); err != nil {
		return "", err
	}
	if err := sealDataKeys(ctx, d, ring); err != nil {
		return "", fmt.Errorf("seal with the new master key: %w", err)
	}
	return ring.keys[0].id, nil
}

// ForgetMasterKey removes an old key from the file of a keyring. Backups that are
// sealed with it open no more.
func ForgetMasterKey(ctx context.Context, d *db.DB, path, id string) error {
	lock, err := lockKeyFile(path)
	if err != nil {
		return err
	}
	defer lock.Close()
	ring, err := OpenKeyring(path)
	if err != nil {
		return err
	}
	if strings.HasPrefix(id, masterKeyPrefix) { // which is not to be shown
		return fmt.Errorf("forget master key: that is a key, and not the id of one: %w", ErrNoMasterKey)
	}
	if _, ok := ring.find(id); !ok {
		return fmt.Errorf("forget master key %q: %w", clip(id, 40), ErrNoMasterKey)
	}
	used, err := usedMasterKeys(ctx, d)
	if err != nil {
		return err
	}
	if slices.Contains(used, id) || ring.keys[0].id == id {
		return fmt.Errorf("forget master key %s: %w", id, ErrMasterKeyInUse)
	}
	return editKeyFile(path, func(text []byte) []byte {
		var kept []byte
		for line := range bytes.Lines(text) {
			if key, ok := parseKeyLine(line); !ok || newMasterKey(key).id != id {
				kept = append(kept, line...)
			}
		}
		return kept
	})
}

// lockKeyFile keeps a second process from writing the file: a key that was lost
// from it would open nothing any more.
func lockKeyFile(path string) (*lockfile.Lock, error) {
	lock, err := lockfile.Acquire(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	return lock, nil
}

// editKeyFile replaces the file by an edited one of the same owner.
func editKeyFile(path string, edit func([]byte) []byte) error {
	text, info, err := readKeyFile(path)
	defer clear(text)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	edited := edit(text)
	defer clear(edited)
	if len(edited) > maxKeyringFile {
		return fmt.Errorf("%w: %s is full; forget old keys", ErrMasterKey, path)
	}
	if err := securefile.WriteFile(path, edited, 0o600, keyFileOwner(info)...); err != nil {
		return fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	return nil
}

// cutFirstKey cuts a keyring's text around the line of its first key.
func cutFirstKey(text []byte) (before, first, rest []byte) {
	at := 0
	for line := range bytes.Lines(text) {
		if _, ok := parseKeyLine(line); ok {
			end := at + len(line)
			return text[:at], text[at:end], text[end:]
		}
		at += len(line)
	}
	return text, nil, nil
}

func parseKeyLine(line []byte) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(string(bytes.TrimSpace(line)), masterKeyPrefix)
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return key, ok && err == nil && len(key) == masterKeySize
}

// sealDataKeys seals all data keys with the first key of the ring.
func sealDataKeys(ctx context.Context, d *db.DB, ring *Keyring) error {
	return d.Update(ctx, func(tx *db.Tx) error {
		keys, err := tx.DataKeys()
		if err != nil {
			return err
		}
		for _, k := range keys {
			plain, err := ring.openDataKey(k)
			if err != nil {
				return err
			}
			k.Master = ring.keys[0].id
			k.Sealed = ring.keys[0].aead.Seal(nil, nil, plain, dataKeyContext(k.ID))
			clear(plain)
			if err := tx.SetDataKey(&k); err != nil {
				return err
			}
		}
		return nil
	})
}
