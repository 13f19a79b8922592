// Package dpapi seals small secrets, such as keys, to this computer, with the data
// protection API of Windows.
//
// Call [Seal] with a secret and what it is for; [Open] wants the same purpose. The key is
// the computer's, whatever account asks: a copy of the sealed bytes does not open on
// another computer, nor on this one after Windows was installed anew.
//
// What it does not do: whoever runs programs here, and knows the purpose, which is no
// secret, can open. The sealed bytes belong into files that only their owner reads.
//
// On other systems, both return [ErrUnsupported].
package dpapi

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrUnsupported means that this system is not Windows.
var ErrUnsupported = errors.New("DPAPI is a part of Windows")

// ErrSealed means that bytes do not open here: they are damaged, for another purpose, or
// another computer's.
var ErrSealed = errors.New("not sealed by this computer for this purpose")

// MaxSecret is the most that [Seal] takes, and MaxSealed the most that [Open] does, in
// bytes.
const (
	MaxSecret = 1 << 16
	MaxSealed = MaxSecret + 4096
)

// A Purpose says what a secret is for, and whose it is: the words are told apart, so that
// ("a", "bc") is not ("ab", "c").
type Purpose []string

// entropy is what the purpose adds to the key.
func (p Purpose) entropy() []byte {
	h := sha256.New()
	h.Write([]byte("poolcert dpapi\x00"))
	for _, word := range p {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(word))))
		h.Write([]byte(word))
	}
	return h.Sum(nil)
}

// flags are CRYPTPROTECT_UI_FORBIDDEN, since nobody sits there who could answer, and
// CRYPTPROTECT_LOCAL_MACHINE, since the account of a service may change, and has no
// profile that must be loaded.
const flags = 0x1 | 0x4

// A Machine seals: [System], or a test's own. It is safe for concurrent use.
type Machine interface {
	// Protect and Unprotect are CryptProtectData and CryptUnprotectData.
	Protect(data, entropy []byte, flags uint32) ([]byte, error)
	Unprotect(sealed, entropy []byte, flags uint32) ([]byte, error)
}

// Seal returns the sealed form of a secret. The caller clears the secret.
func Seal(m Machine, secret []byte, purpose Purpose) ([]byte, error) {
	if len(secret) == 0 || len(secret) > MaxSecret {
		return nil, fmt.Errorf("seal with DPAPI: a secret of %d bytes", len(secret))
	}
	sealed, err := m.Protect(secret, purpose.entropy(), flags)
	if err != nil {
		return nil, fmt.Errorf("seal with DPAPI: %w", err)
	}
	return sealed, nil
}

// Open returns the secret, which the caller clears. The error wraps [ErrSealed] when it
// will never open here.
func Open(m Machine, sealed []byte, purpose Purpose) ([]byte, error) {
	if len(sealed) == 0 || len(sealed) > MaxSealed {
		return nil, fmt.Errorf("open with DPAPI: %w", ErrSealed)
	}
	secret, err := m.Unprotect(sealed, purpose.entropy(), flags)
	if err != nil {
		return nil, fmt.Errorf("open with DPAPI: %w", err)
	}
	return secret, nil
}
