package decrypt

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"

	"poolcert/decrypt/internal/keyring"
)

// A Padding is how a secret fills an RSA block (RFC 8017, section 7).
type Padding string

const (
	PKCS1v15 Padding = "pkcs1v15" // the default
	OAEP     Padding = "oaep"
)

// RSAOptions say how a raw RSA block is padded, which it does not tell itself.
type RSAOptions struct {
	Padding Padding     // empty: PKCS1v15
	Hash    crypto.Hash // of OAEP and its MGF1; 0: SHA-1
	Label   []byte      // of OAEP
}

// An RSABlock is a secret encrypted with an RSA public key, and nothing around
// it, as Batch Shipyard writes it.
//
// Such a block does not say whom it is for, and with PKCS #1 v1.5 it has no
// protection against changes: who may have altered blocks opened, and learns
// which of them open, can find the secret of any block. There is no other
// answer than an error to give to a person who has the wrong key, so callers
// must be people or programs that may use the key anyway, and the node's agent
// limits how often they fail.
type RSABlock struct {
	RSAOptions
	Ciphertext []byte
}

// Limits on raw RSA.
const (
	maxRSABlock = 2 << 10 // bytes
	maxRSALabel = 1 << 10 // bytes
	maxRSATries = 16      // private-key operations
	maxRSAJSON  = 8 << 10 // bytes of the form of MarshalBinary
)

var hashNames = map[crypto.Hash]string{
	crypto.SHA1: "sha1", crypto.SHA256: "sha256", crypto.SHA384: "sha384", crypto.SHA512: "sha512",
}

// ParseHash returns the hash of one of the names sha1, sha256, sha384 and sha512.
func ParseHash(name string) (crypto.Hash, error) {
	for hash, n := range hashNames {
		if n == name {
			return hash, nil
		}
	}
	return 0, &UnsupportedError{What: "OAEP hash", Name: fmt.Sprintf("%.20q", name)}
}

// An RSAOpener opens raw RSA blocks.
type RSAOpener interface {
	// OpenRSA returns the secret. Its errors are ErrDecrypt, one that wraps
	// ErrNoRecipient when there is no key of that size, and those of getting at
	// the private key.
	OpenRSA(ctx context.Context, b *RSABlock) ([]byte, error)
}

// check refuses what no key opens.
func (b *RSABlock) check() error {
	switch {
	case b.Padding != "" && b.Padding != PKCS1v15 && b.Padding != OAEP:
		return &UnsupportedError{What: "RSA padding", Name: fmt.Sprintf("%.20q", string(b.Padding))}
	case b.Padding == OAEP && b.Hash != 0 && hashNames[b.Hash] == "":
		return &UnsupportedError{What: "OAEP hash", Name: b.Hash.String()}
	case len(b.Ciphertext) > maxRSABlock:
		return &LimitError{What: "bytes of RSA block", Limit: maxRSABlock}
	case len(b.Label) > maxRSALabel:
		return &LimitError{What: "bytes of OAEP label", Limit: maxRSALabel}
	}
	return nil
}

// Open returns the secret, and the certificate of the key that opened it, or of
// one that failed. All keys of src of the block's size are tried, at most 16,
// with one private-key operation each and always all of them. Unless just one
// opens the block, the error is ErrDecrypt.
func (b *RSABlock) Open(ctx context.Context, src KeySource) ([]byte, *x509.Certificate, error) {
	if err := b.check(); err != nil {
		return nil, nil, err
	}
	keys, err := keyring.Usable(ctx, src, func(cert *x509.Certificate) bool {
		pub, ok := cert.PublicKey.(*rsa.PublicKey)
		return ok && pub.Size() == len(b.Ciphertext)
	}, maxRSATries)
	if err != nil {
		return nil, nil, err
	}
	if len(keys) == 0 {
		return nil, nil, fmt.Errorf("%w: it is for an RSA key of %d bits", ErrNoRecipient, 8*len(b.Ciphertext))
	}
	var secret []byte
	cert, opened := keys[0].Cert, 0
	for _, key := range keys {
		if s, err := b.decrypt(key.Private); err == nil {
			secret, cert = s, key.Cert
			opened++
		}
	}
	if opened != 1 {
		clear(secret)
		return nil, cert, ErrDecrypt
	}
	return secret, cert, nil
}

func (b *RSABlock) decrypt(private crypto.PrivateKey) ([]byte, error) {
	key, ok := private.(crypto.Decrypter)
	if !ok {
		return nil, ErrDecrypt
	}
	if b.Padding != OAEP {
		//lint:ignore SA1019 the blocks that people have use it; see RSABlock
		return key.Decrypt(rand.Reader, b.Ciphertext, &rsa.PKCS1v15DecryptOptions{})
	}
	hash := b.Hash
	if hash == 0 {
		hash = crypto.SHA1
	}
	return key.Decrypt(rand.Reader, b.Ciphertext, &rsa.OAEPOptions{Hash: hash, Label: b.Label})
}

// rsaBlockJSON is the form in which a block goes to the node's agent.
type rsaBlockJSON struct {
	Padding    Padding `json:"padding"`
	Hash       string  `json:"hash,omitempty"`
	Label      []byte  `json:"label,omitempty"`
	Ciphertext []byte  `json:"ciphertext"`
}

// MarshalBinary returns the JSON form, of a few KiB.
func (b *RSABlock) MarshalBinary() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	return json.Marshal(rsaBlockJSON{b.Padding, hashNames[b.Hash], b.Label, b.Ciphertext})
}

// ParseRSABlock parses what MarshalBinary returned.
func ParseRSABlock(data []byte) (*RSABlock, error) {
	if len(data) > maxRSAJSON {
		return nil, &LimitError{What: "bytes of RSA block in JSON", Limit: maxRSAJSON}
	}
	var j rsaBlockJSON
	if json.Unmarshal(data, &j) != nil {
		return nil, &FormatError{Offset: -1, Want: "an RSA block in JSON"}
	}
	b := &RSABlock{RSAOptions{Padding: j.Padding, Label: j.Label}, j.Ciphertext}
	if j.Hash != "" {
		var err error
		if b.Hash, err = ParseHash(j.Hash); err != nil {
			return nil, err
		}
	}
	return b, b.check()
}
