package jwe

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"io"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/internal/keyring"
)

// An Unwrapper opens the content key of a message.
type Unwrapper interface {
	// UnwrapJWE returns the content keys that the message may have, at least one:
	// some ways to wrap a key do not show whether it is the right one, and a
	// message need not say whom it is for. Its errors are *NoRecipientError, and
	// those of getting at the private key.
	UnwrapJWE(ctx context.Context, w *WrappedKey) (ceks [][]byte, err error)
}

// Keys returns an Unwrapper that uses the private keys of src.
func Keys(src cms.KeySource) Unwrapper { return keys{src} }

type keys struct{ src cms.KeySource }

func (k keys) UnwrapJWE(ctx context.Context, w *WrappedKey) ([][]byte, error) {
	ceks, _, err := w.Unwrap(ctx, k.src)
	return ceks, err
}

// A try is a private key that may open a recipient's content key.
type try struct {
	recipient *Recipient
	key       keyring.Key
}

// Unwrap opens the content key with private keys of src, and returns the keys
// that it may be, with the certificate of one that was used. A key that a
// recipient names (by x5t#S256, x5c, x5t, or a kid that is made from it) is the
// only one that is used; otherwise all that fit are tried, in at most 32
// private-key operations.
//
// Where nothing opens, the result is a key that looks random, and that is the
// same each time.
func (w *WrappedKey) Unwrap(ctx context.Context, src cms.KeySource) ([][]byte, *x509.Certificate, error) {
	tries, err := w.tries(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	if len(tries) == 0 {
		return nil, nil, &NoRecipientError{w.Recipients}
	}
	var ceks [][]byte
	for _, t := range tries {
		cek, sure, err := t.open(w.Encryption)
		if err != nil {
			continue
		}
		ceks = append(ceks, cek)
		if sure {
			return ceks, t.key.Cert, nil
		}
	}
	if len(ceks) == 0 {
		cek, err := tries[0].substitute(w.Encryption)
		return [][]byte{cek}, tries[0].key.Cert, err
	}
	return ceks, tries[0].key.Cert, nil
}

// tries finds the keys, in the order of the recipients.
func (w *WrappedKey) tries(ctx context.Context, src cms.KeySource) ([]try, error) {
	var tries []try
	for i := range w.Recipients {
		r := &w.Recipients[i]
		named, err := keyring.Usable(ctx, src, func(cert *x509.Certificate) bool { return r.fits(cert) && r.named(cert) }, 1)
		if err != nil {
			return nil, err
		}
		if len(named) > 0 {
			return []try{{r, named[0]}}, nil
		}
		keys, err := keyring.Usable(ctx, src, r.fits, maxTries-len(tries))
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			tries = append(tries, try{r, key})
		}
	}
	return tries, nil
}

// open does one private-key operation. With sure, the wrapping proved that the
// key is the right one.
func (t try) open(enc string) (cek []byte, sure bool, err error) {
	a := findAlgorithm(t.recipient.Algorithm)
	if a.rsa {
		cek, err = t.openRSA(a, enc)
	} else {
		cek, err = t.recipient.openECDH(a, t.key.Private, enc)
	}
	if err == nil && len(cek) != contentKeySize(enc) {
		err = errors.New("content key of another size")
	}
	return cek, a.name != rsa15 && (a.rsa || a.kek > 0), err
}

func (t try) openRSA(a *algorithm, enc string) ([]byte, error) {
	key, ok := t.key.Private.(crypto.Decrypter)
	if !ok {
		return nil, errors.New("not a key for RSA")
	}
	if a.name != rsa15 {
		return key.Decrypt(rand.Reader, t.recipient.EncryptedKey, oaepOptions(a))
	}
	// With SessionKeyLen, crypto/rsa reads a substitute of its own from random,
	// and takes it in constant time. Another implementation may want more bytes.
	substitute, err := t.substitute(enc)
	if err != nil {
		return nil, err
	}
	random := io.MultiReader(bytes.NewReader(substitute), rand.Reader)
	//lint:ignore SA1019 it has to be asked for, and does not tell whether the padding is right
	cek, err := key.Decrypt(random, t.recipient.EncryptedKey, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: len(substitute)})
	if err != nil || len(cek) != len(substitute) {
		return substitute, nil
	}
	return cek, nil
}

func (t try) substitute(enc string) ([]byte, error) {
	wrapping := cms.WrapECDH
	switch a := findAlgorithm(t.recipient.Algorithm); {
	case a.name == rsa15:
		wrapping = cms.WrapPKCS1v15
	case a.rsa:
		wrapping = cms.WrapOAEP
	}
	return cms.SubstituteKey(t.key.Private, wrapping, contentKeySize(enc), t.recipient.EncryptedKey)
}

func oaepOptions(a *algorithm) *rsa.OAEPOptions {
	hash := map[string]crypto.Hash{
		"RSA-OAEP": crypto.SHA1, "RSA-OAEP-256": crypto.SHA256, "RSA-OAEP-384": crypto.SHA384, "RSA-OAEP-512": crypto.SHA512,
	}[a.name]
	return &rsa.OAEPOptions{Hash: hash}
}
