// Package jwe opens and makes JSON Web Encryption messages (RFC 7516) in the
// compact, flattened and general form. They are held in memory whole: JWE is for
// small secrets, and [MaxMessage] is its limit.
//
// To decrypt, call [Parse], have the content key opened by an [Unwrapper]
// ([Keys] does so with private keys of this process), and call
// [Message.Decrypt]:
//
//	m, err := jwe.Parse(text)
//	...
//	w, err := m.WrappedKey(jwe.Options{})
//	...
//	keys, err := jwe.Keys(source).UnwrapJWE(ctx, w)
//	...
//	plaintext, err := m.Decrypt(keys)
//
// To encrypt, call [Encrypt].
//
// Promises. Until a private key is used, errors say what is wrong; after that,
// every failure is [cms.ErrDecrypt]. Content comes out only when its tag is
// right. A message costs at most 32 private-key operations. Recipients by
// password or shared key (PBES2, dir, A128KW and their like) are never tried.
//
// Do not allow RSA1_5 for messages of strangers: see [Options].
package jwe

import (
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Limits on a message. Real ones stay far below them.
const (
	MaxMessage    = 16 << 20                          // bytes of its text; to open it takes up to 8 times as much
	MaxContent    = (MaxMessage - maxWrapped) / 4 * 3 // bytes that Encrypt takes
	maxRecipients = 32                                // those that go-jose reads
	maxCompressed = 4 << 20                           // bytes of ciphertext with zip; it may grow tenfold
	maxHeader     = 64 << 10                          // bytes of each header
	maxWrapped    = 1 << 20                           // bytes of a WrappedKey
	maxValues     = 4 << 10                           // members and elements in its JSON
	maxTries      = 32                                // private-key operations
)

// Options say what is opened.
type Options struct {
	// AllowRSA15 opens keys that RSA1_5 wrapped (RSA PKCS #1 v1.5), which RFC 8725
	// says to avoid. A wrong padding is hidden all the same.
	AllowRSA15 bool
}

// An algorithm is a way to wrap content keys that we can open.
type algorithm struct {
	name string
	rsa  bool
	kek  int // bytes of the key-encryption key of ECDH-ES; 0: the content key itself
}

var algorithms = []algorithm{
	{name: "RSA-OAEP", rsa: true},
	{name: "RSA-OAEP-256", rsa: true},
	{name: "RSA-OAEP-384", rsa: true},
	{name: "RSA-OAEP-512", rsa: true},
	{name: rsa15, rsa: true},
	{name: "ECDH-ES"},
	{name: "ECDH-ES+A128KW", kek: 16},
	{name: "ECDH-ES+A192KW", kek: 24},
	{name: "ECDH-ES+A256KW", kek: 32},
}

const rsa15 = "RSA1_5"

// findAlgorithm returns the algorithm of that name, or nil.
func findAlgorithm(name string) *algorithm {
	i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.name == name })
	if i < 0 {
		return nil
	}
	return &algorithms[i]
}

// contentKeySize returns the bytes of a key for enc, or 0 if it is unknown.
func contentKeySize(enc string) int {
	switch jose.ContentEncryption(enc) {
	case jose.A128GCM:
		return 16
	case jose.A192GCM:
		return 24
	case jose.A256GCM, jose.A128CBC_HS256:
		return 32
	case jose.A192CBC_HS384:
		return 48
	case jose.A256CBC_HS512:
		return 64
	}
	return 0
}
