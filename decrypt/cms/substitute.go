package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"sync"
)

// processSecret stands in for keys whose bytes we cannot have.
var processSecret = sync.OnceValue(func() []byte {
	secret := make([]byte, 32)
	rand.Read(secret)
	return secret
})

// SubstituteKey derives the content key, of keySize bytes, that takes the place of
// one that key does not open. It looks random, and is fixed for a private key and
// a ciphertext, given in parts: an answer that changed from one try to the next
// would give away that it is made up. For keys that are neither an
// *rsa.PrivateKey nor an *ecdh.PrivateKey it is another one in each process.
//
// It is for packages that open other forms of message; call it before the key is
// used, so that the time does not tell. [Unwrapper] needs no help.
func SubstituteKey(key crypto.PrivateKey, keySize int, ciphertext ...[]byte) ([]byte, error) {
	secret := bytes.Clone(processSecret())
	switch key := key.(type) {
	case *rsa.PrivateKey:
		secret = key.D.Bytes()
	case *ecdh.PrivateKey:
		secret = key.Bytes()
	}
	defer clear(secret)
	return hkdf.Key(sha256.New, secret, bytes.Join(ciphertext, nil), "poolcert implicit rejection", keySize)
}
