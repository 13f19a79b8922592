package lastgood

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/internal/dpapi"
	"poolcert/internal/filetrust"
	"poolcert/internal/tpmkey"
)

// The places where a key may lie.
const (
	KeyInFile       = "file"       // beside the set
	KeyInCredential = "credential" // with the service manager
	KeyInTPM        = "tpm"        // beside the set, sealed to the TPM
	KeyInDPAPI      = "dpapi"      // beside the set, sealed to the computer's Windows
)

// A nodeKey is where the key lies that seals the last-known-good set.
type nodeKey interface {
	// load returns the key, keySize bytes, which the caller clears. With
	// create it makes one where there is none that can be used. An error wraps
	// ErrUnusable when what was sealed will never open again.
	load(create bool) ([]byte, error)

	// file is the file of the state directory that it is in, or "".
	file() string
}

func keyOf(place string, state *statedir.Dir, id *member.Identity) nodeKey {
	switch place {
	case KeyInCredential:
		return &credentialKey{os.Getenv("CREDENTIALS_DIRECTORY")}
	case KeyInTPM:
		return &tpmKey{state, tpmkey.Open}
	case KeyInDPAPI:
		return &dpapiKey{state, id, dpapi.System}
	}
	return &fileKey{state}
}

// A fileKey is in a file of the state directory: it protects a copy of the set
// without it.
type fileKey struct{ state *statedir.Dir }

func (k *fileKey) file() string { return statedir.LastGoodKeyFile }

func (k *fileKey) load(create bool) ([]byte, error) {
	key, err := k.state.Read(statedir.LastGoodKeyFile, keySize)
	usable := err == nil && len(key) == keySize
	switch {
	case usable:
		return key, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, filetrust.ErrTooLarge):
		return nil, err
	case !create:
		return nil, fmt.Errorf("%w: its key is missing", ErrUnusable)
	}
	key = newKey()
	if err := k.state.Write(statedir.LastGoodKeyFile, key); err != nil {
		return nil, err
	}
	return key, nil
}

func newKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key)
	return key
}

// A credentialKey comes from the service manager, see "Credentials" in
// systemd.exec(5). Nobody but that makes one.
type credentialKey struct{ dir string }

func (k *credentialKey) file() string { return "" }

// credentialName is the name of the credential.
const credentialName = "poolcert-node-key"

var errCredential = errors.New("the service manager passes no credential " + credentialName)

func (k *credentialKey) load(bool) ([]byte, error) {
	if k.dir == "" {
		return nil, errCredential
	}
	secret, err := filetrust.ReadFile(filepath.Join(k.dir, credentialName), 4096)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errCredential
	}
	if err != nil {
		return nil, fmt.Errorf("read credential: %w", err)
	}
	defer clear(secret)
	if len(secret) < keySize {
		return nil, fmt.Errorf("the credential %s has %d bytes, and needs %d", credentialName, len(secret), keySize)
	}
	return hkdf.Key(sha256.New, secret, nil, "poolcert last known good", keySize)
}

// A tpmKey is in a file of the state directory that only this node's TPM opens.
type tpmKey struct {
	state *statedir.Dir
	open  func() (*tpmkey.TPM, error)
}

func (k *tpmKey) file() string { return statedir.LastGoodTPMFile }

// maxBlob is more than a sealed key has.
const maxBlob = 4096

func (k *tpmKey) load(create bool) ([]byte, error) {
	blob, err := k.state.Read(statedir.LastGoodTPMFile, maxBlob)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing && !errors.Is(err, filetrust.ErrTooLarge) {
		return nil, err
	}
	if err != nil && !create {
		return nil, fmt.Errorf("%w: its key is missing", ErrUnusable)
	}
	tpm, openErr := k.open()
	if openErr != nil {
		return nil, openErr
	}
	defer tpm.Close()
	if err == nil {
		var key []byte
		key, err = tpmkey.Unseal(tpm, blob)
		switch {
		case err == nil && len(key) == keySize:
			return key, nil
		case err != nil && !errors.Is(err, tpmkey.ErrBlob):
			return nil, err
		case !create:
			return nil, fmt.Errorf("%w: its key was %w", ErrUnusable, tpmkey.ErrBlob)
		}
	}
	key := newKey()
	if blob, err = tpmkey.Seal(tpm, key); err != nil {
		return nil, err
	}
	if err := k.state.Write(statedir.LastGoodTPMFile, blob); err != nil {
		return nil, err
	}
	return key, nil
}
