package member

import (
	"encoding/json"
	"errors"

	"poolcert/internal/dpapi"
)

// storedKeys are a node's keys in a file of the state directory. On Windows they are
// sealed to the computer, for want of file modes that a backup would keep.
type storedKeys struct {
	Keys   *keysJSON `json:"keys,omitempty"`
	Sealed []byte    `json:"sealedKeys,omitempty"`
}

// store returns the stored form; m is nil where keys are not sealed. The caller clears
// it.
func (k *Keys) store(m dpapi.Machine, purpose dpapi.Purpose) (storedKeys, error) {
	keys, err := k.marshal()
	if err != nil || m == nil {
		return storedKeys{Keys: keys}, err
	}
	plain, err := json.Marshal(keys)
	if err != nil {
		return storedKeys{}, err
	}
	defer clear(plain)
	sealed, err := dpapi.Seal(m, plain, purpose)
	if err != nil {
		return storedKeys{}, err
	}
	return storedKeys{Sealed: sealed}, nil
}

// load is the inverse of store. It opens what was not sealed, too.
func (s *storedKeys) load(m dpapi.Machine, purpose dpapi.Purpose) (*Keys, error) {
	switch {
	case s.Keys != nil:
		return s.Keys.parse()
	case s.Sealed == nil:
		return nil, errors.New("the file is damaged")
	case m == nil:
		return nil, dpapi.ErrUnsupported
	}
	plain, err := dpapi.Open(m, s.Sealed, purpose)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	var keys keysJSON
	if err := json.Unmarshal(plain, &keys); err != nil {
		return nil, errors.New("its keys are damaged")
	}
	return keys.parse()
}
