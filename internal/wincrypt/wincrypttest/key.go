package wincrypttest

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"

	"poolcert/internal/sddl"
	"poolcert/internal/wincrypt"
)

type openKey struct {
	w  *Windows
	at wincrypt.Container
	*keptKey
}

var hashes = map[string]crypto.Hash{"SHA1": crypto.SHA1, "SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512}

// Decrypt implements [wincrypt.Key].
func (k *openKey) Decrypt(ciphertext []byte, p wincrypt.Padding) ([]byte, error) {
	if err := k.w.failing("Decrypt"); err != nil {
		return nil, err
	}
	key, ok := k.key.(*rsa.PrivateKey)
	if !ok {
		return nil, &wincrypt.Error{Call: "NCryptDecrypt", Code: 0x80090029}
	}
	if k.at.IsCSP() {
		ciphertext = bytes.Clone(ciphertext)
		slices.Reverse(ciphertext)
		if p.OAEP && (p.Hash != "SHA1" || len(p.Label) > 0) {
			return nil, &wincrypt.Error{Call: "CryptDecrypt", Code: 0x80090009}
		}
	}
	var opts crypto.DecrypterOpts
	if p.OAEP {
		opts = &rsa.OAEPOptions{Hash: hashes[p.Hash], Label: p.Label}
	}
	plain, err := key.Decrypt(rand.Reader, ciphertext, opts)
	if err != nil && k.at.IsCSP() {
		return nil, &wincrypt.Error{Call: "CryptDecrypt", Code: 0x80090005}
	} else if err != nil {
		return nil, &wincrypt.Error{Call: "NCryptDecrypt", Code: 0x80090027}
	}
	return plain, nil
}

// Agree implements [wincrypt.Key].
func (k *openKey) Agree(peer []byte) ([]byte, error) {
	if err := k.w.failing("Agree"); err != nil {
		return nil, err
	}
	public, err := wincrypt.ParsePublicBlob(peer)
	if err != nil {
		return nil, err
	}
	var private *ecdh.PrivateKey
	if key, ok := k.key.(*ecdsa.PrivateKey); ok {
		private, err = key.ECDH()
	}
	if private == nil || err != nil {
		return nil, &wincrypt.Error{Call: "NCryptSecretAgreement", Code: 0x80090029}
	}
	secret, err := private.ECDH(public)
	slices.Reverse(secret)
	return secret, err
}

// Access implements [wincrypt.Key].
func (k *openKey) Access() ([]wincrypt.Grant, error) {
	if err := k.w.failing("Access"); err != nil {
		return nil, err
	}
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	return slices.Clone(k.access), nil
}

var entry = regexp.MustCompile(`\(A;;(\w+);;;([\w-]+)\)`)

// SetAccess implements [wincrypt.Key], for texts of sddl.Protected.
func (k *openKey) SetAccess(text string) error {
	if err := k.w.failing("SetAccess"); err != nil {
		return err
	}
	var access []wincrypt.Grant
	for _, m := range entry.FindAllStringSubmatch(text, -1) {
		mask := uint64(0x1F01FF)
		if m[1] != sddl.FileAll {
			var err error
			if mask, err = strconv.ParseUint(m[1], 0, 32); err != nil {
				return fmt.Errorf("security descriptor %s: %w", text, err)
			}
		}
		access = append(access, wincrypt.Grant{To: sddl.SID(m[2]), Mask: uint32(mask)})
	}
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	k.access = access
	return nil
}

// Close implements [wincrypt.Key].
func (k *openKey) Close() error {
	k.w.mu.Lock()
	defer k.w.mu.Unlock()
	k.w.open--
	return nil
}

// parseBlob reads a PRIVATEKEYBLOB.
func parseBlob(blob []byte) (*rsa.PrivateKey, error) {
	if len(blob) < 20 || !bytes.Equal(blob[:12], []byte("\x07\x02\x00\x00\x00\xa4\x00\x00RSA2")) {
		return nil, fmt.Errorf("PRIVATEKEYBLOB: %w", wincrypt.ErrData)
	}
	size := int(binary.LittleEndian.Uint32(blob[12:])) / 8
	if len(blob) != 20+size*9/2 {
		return nil, fmt.Errorf("PRIVATEKEYBLOB of %d bytes: %w", len(blob), wincrypt.ErrData)
	}
	rest := blob[20:]
	next := func(n int) *big.Int {
		b := bytes.Clone(rest[:n])
		slices.Reverse(b)
		rest = rest[n:]
		return new(big.Int).SetBytes(b)
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: next(size), E: int(binary.LittleEndian.Uint32(blob[16:]))}}
	key.Primes = []*big.Int{next(size / 2), next(size / 2)}
	dp, dq, qinv := next(size/2), next(size/2), next(size/2)
	key.D = next(size)
	if err := key.Validate(); err != nil {
		return nil, fmt.Errorf("PRIVATEKEYBLOB: %w", err)
	}
	key.Precompute()
	if dp.Cmp(key.Precomputed.Dp) != 0 || dq.Cmp(key.Precomputed.Dq) != 0 || qinv.Cmp(key.Precomputed.Qinv) != 0 {
		return nil, fmt.Errorf("PRIVATEKEYBLOB: exponents: %w", wincrypt.ErrData)
	}
	return key, nil
}
