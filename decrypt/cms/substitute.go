package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"sync"
)

// processSecret stands in for keys whose bytes we cannot have.
var processSecret = sync.OnceValue(func() []byte {
	secret := make([]byte, 32)
	rand.Read(secret)
	return secret
})

// A KeyWrapping is a way to encrypt a content key, as far as it makes a difference to
// [SubstituteKey].
type KeyWrapping string

const (
	WrapPKCS1v15 KeyWrapping = "RSAES-PKCS1-v1_5"
	WrapOAEP     KeyWrapping = "RSAES-OAEP"
	WrapECDH     KeyWrapping = "ECDH"
)

// SubstituteKey derives the content key, of keySize bytes, that takes the place of
// one that key does not open. It looks random, and is fixed for a private key, a
// wrapping, a size and a ciphertext, given in parts: an answer that changed from one
// try to the next would give away that it is made up. A key whose bytes nobody has, as one
// in a certificate store of Windows, should have a method SubstituteSecret() []byte, for
// what is secret, fixed for the key, and the caller's to clear; without, the substitute is
// another one in each process.
//
// Wrapping and size count because a ciphertext can be sent again with others of them.
// A substitute that came again, or began like another one, where the real key does
// not, would tell which ciphertexts are well padded (Bleichenbacher). For the same
// reason nothing else may count, such as the form of the message.
//
// It is for packages that open other forms of message; call it before the key is
// used, so that the time does not tell. [Unwrapper] needs no help.
func SubstituteKey(key crypto.PrivateKey, wrapping KeyWrapping, keySize int, ciphertext ...[]byte) ([]byte, error) {
	secret := bytes.Clone(processSecret())
	switch key := key.(type) {
	case *rsa.PrivateKey:
		secret = key.D.Bytes()
	case *ecdh.PrivateKey:
		secret = key.Bytes()
	case interface{ SubstituteSecret() []byte }:
		secret = key.SubstituteSecret()
	}
	defer clear(secret)
	info := fmt.Sprintf("poolcert implicit rejection: %s, %d bytes", wrapping, keySize)
	return hkdf.Key(sha256.New, secret, bytes.Join(ciphertext, nil), info, keySize)
}
