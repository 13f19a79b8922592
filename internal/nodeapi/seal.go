package nodeapi

import (
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"

	"poolcert/batch"
	"poolcert/internal/erase"
)

// A Certificate is what a node receives of one certificate: the file as the
// submitter added it.
type Certificate struct {
	Format   batch.CertificateFormat `json:"format"`
	Data     []byte                  `json:"data"` // PFX or DER
	Password batch.Password          `json:"password"`
}

// A Binding says for whom and for what a certificate was sealed. A sealed
// certificate opens only under the same binding.
type Binding struct {
	Account, Pool, Node string
	Thumbprint          batch.Thumbprint
}

// info is HPKE's info parameter: the binding, each field with its length.
func (b Binding) info() ([]byte, error) {
	w := cryptobyte.NewBuilder([]byte("poolcert certificate v1\x00"))
	for _, field := range []string{b.Account, b.Pool, b.Node, batch.SHA1, b.Thumbprint.String()} {
		w.AddUint16LengthPrefixed(func(w *cryptobyte.Builder) { w.AddBytes([]byte(field)) })
	}
	return w.Bytes()
}

// The suite: X25519+ML-KEM-768 (X-Wing), so that a capture stays closed to
// quantum computers.
var (
	kem  = hpke.MLKEM768X25519()
	kdf  = hpke.HKDFSHA256()
	aead = hpke.AES256GCM()
)

// GenerateSealKey makes a node's HPKE key.
func GenerateSealKey() (hpke.PrivateKey, error) { return kem.GenerateKey() }

// ParseSealKey reads a private key from its Bytes.
func ParseSealKey(data []byte) (hpke.PrivateKey, error) { return kem.NewPrivateKey(data) }

// CheckSealKey reports whether data is a public key that [Seal] can use.
func CheckSealKey(data []byte) error {
	_, err := kem.NewPublicKey(data)
	return err
}

// ErrSealed is returned by [Open] for every failure: another node's key,
// another binding, or altered bytes.
var ErrSealed = errors.New("the sealed certificate is not for this node, or was altered")

// Seal encrypts c to the node's HPKE public key.
func Seal(public []byte, b Binding, c *Certificate) ([]byte, error) {
	key, err := kem.NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("seal to node %s: %w", b.Node, err)
	}
	info, err := b.info()
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return hpke.Seal(key, kdf, aead, info, plain)
}

// Open decrypts what [Seal] made for the same binding.
func Open(key hpke.PrivateKey, b Binding, sealed []byte) (*Certificate, error) {
	info, err := b.info()
	if err != nil {
		return nil, err
	}
	var c *Certificate
	erase.Do(func() {
		var plain []byte
		if plain, err = hpke.Open(key, kdf, aead, info, sealed); err == nil {
			defer clear(plain)
			c = new(Certificate)
			err = json.Unmarshal(plain, c)
		}
	})
	if err != nil {
		return nil, ErrSealed
	}
	return c, nil
}
