package account

import "errors"

// ErrMasterKey is wrapped by every error about master keys: a file that is
// missing, readable by others or malformed, and keys that don't open the
// database.
var ErrMasterKey = errors.New("master key")

// A Keyring holds the master keys, which open the data keys in the database. The
// first one seals, all of them open.
type Keyring struct{}

// NewKeyringFile makes the file of a new keyring, with one random key. It must
// not exist.
func NewKeyringFile(path string) error { panic("unfinished") }

// OpenKeyring reads a file of master keys. Only its owner may have rights to it.
func OpenKeyring(path string) (*Keyring, error) { panic("unfinished") }
