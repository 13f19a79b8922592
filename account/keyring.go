package account

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"poolcert/internal/securefile"
)

// ErrMasterKey is wrapped by every error about master keys: a file that is
// missing, readable by others or malformed, and keys that don't open the
// database.
var ErrMasterKey = errors.New("master key")

const (
	masterKeySize   = 32
	masterKeyPrefix = "pcmk1."
	maxKeyringFile  = 64 << 10
)

// A Keyring holds the master keys, which open the data keys in the database. The
// first one seals, all of them open, so that keys can be rotated. It never
// changes.
//
// Its file has one key on each line, "pcmk1." with base64 text. Empty lines and
// those that begin with # are skipped.
type Keyring struct {
	keys []masterKey
}

type masterKey struct {
	id   string // 16 hexadecimal digits, not secret
	aead cipher.AEAD
}

// NewKeyringFile makes the file of a new keyring, with one random key and mode
// 0600. It must not exist.
func NewKeyringFile(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%w: %s exists already", ErrMasterKey, path)
	}
	text := "# The master key of poolcert-server. Without it nobody can read the certificates\n" +
		"# in the database: keep a copy, apart from the copies of the database.\n" + newKeyLine()
	if err := securefile.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	return nil
}

// newKeyLine returns the line of a random key.
func newKeyLine() string {
	var key [masterKeySize]byte
	rand.Read(key[:])
	defer clear(key[:])
	return masterKeyPrefix + base64.StdEncoding.EncodeToString(key[:]) + "\n"
}

// OpenKeyring reads a file of master keys. Only its owner may have rights to it.
func OpenKeyring(path string) (*Keyring, error) {
	text, _, err := readKeyFile(path)
	defer clear(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMasterKey, err)
	}
	r, err := parseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrMasterKey, path, err)
	}
	return r, nil
}

func readKeyFile(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if err := checkKeyFile(f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	text, err := readKeys(f)
	return text, info, err
}

func parseKeyring(text []byte) (*Keyring, error) {
	r := new(Keyring)
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, ok := parseKeyLine(line)
		if !ok {
			return nil, fmt.Errorf("line %d is no key", n)
		}
		r.keys = append(r.keys, newMasterKey(key))
		clear(key)
	}
	if len(r.keys) == 0 {
		return nil, errors.New("there is no key in it")
	}
	return r, nil
}

func newMasterKey(key []byte) masterKey {
	sum := sha256.Sum256(append([]byte("poolcert master key id\x00"), key...))
	return masterKey{id: hex.EncodeToString(sum[:8]), aead: newAEAD(key)}
}

// newAEAD returns AES-256-GCM that puts a random nonce before its output.
func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the size is checked
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the block size of GCM
	}
	return aead
}

func (r *Keyring) find(id string) (masterKey, bool) {
	for _, k := range r.keys {
		if k.id == id {
			return k, true
		}
	}
	return masterKey{}, false
}
