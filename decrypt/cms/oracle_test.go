package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"io"
	"math/big"
	"slices"
	"testing"
)

// A countingKey is a key that is no *rsa.PrivateKey, as in a hardware module.
type countingKey struct {
	*rsa.PrivateKey
	operations int
}

func (k *countingKey) Decrypt(random io.Reader, ct []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	k.operations++
	return k.PrivateKey.Decrypt(random, ct, opts)
}

type countingSource struct {
	cert *x509.Certificate
	key  *countingKey
}

func (s *countingSource) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	if !match(s.cert) {
		return nil, nil, ErrNoRecipient
	}
	return s.cert, s.key, nil
}

// withEncryptedKey replaces the encrypted key of a message for one recipient.
func withEncryptedKey(t testing.TB, message, key []byte) []byte {
	t.Helper()
	m := header(t, message)
	old := m.Recipients[0].encryptedKey
	if len(old) != len(key) {
		t.Fatal("keys of different length")
	}
	return bytes.Replace(message, old, key, 1)
}

// rawRSA encrypts a padded block.
func rawRSA(pub *rsa.PublicKey, block []byte) []byte {
	c := new(big.Int).Exp(new(big.Int).SetBytes(block), big.NewInt(int64(pub.E)), pub.N)
	return c.FillBytes(make([]byte, pub.Size()))
}

func TestNoOracle(t *testing.T) {
	pub := &alice(t).key.PublicKey
	k := pub.Size()
	// block returns 00 02 fill 00 key, for a key of n bytes.
	block := func(n int) []byte {
		b := bytes.Repeat([]byte{0xaa}, k)
		b[0], b[1] = 0, 2
		copy(b[k-n:], pattern(n))
		b[k-n-1] = 0
		return b
	}
	change := func(i int, v byte) []byte {
		b := block(32)
		b[i] = v
		return b
	}
	encryptedKeys := map[string][]byte{
		"wrong key":         rawRSA(pub, block(32)),
		"empty key":         rawRSA(pub, block(0)),
		"short key":         rawRSA(pub, block(16)),
		"long key":          rawRSA(pub, block(33)),
		"block type":        rawRSA(pub, change(1, 1)),
		"leading byte":      rawRSA(pub, change(0, 1)),
		"no separator":      rawRSA(pub, change(k-33, 7)),
		"zero in the fill":  rawRSA(pub, change(5, 0)),
		"zero":              make([]byte, k),
		"modulus":           pub.N.FillBytes(make([]byte, k)),
		"all ones":          bytes.Repeat([]byte{0xff}, k),
		"an OAEP encrypted": rawRSA(pub, append([]byte{0}, pattern(k-1)...)),
	}
	content := pattern(100)
	for _, opts := range []Options{{}, {Compat: true}} {
		message := seal(t, content, opts, alice(t))
		for name, encryptedKey := range encryptedKeys {
			bad := withEncryptedKey(t, message, encryptedKey)
			checkNoOracle(t, name, bad, content)
		}
		last := len(message) - 1
		if !opts.Compat { // the tag
			flipped := bytes.Clone(message)
			flipped[last] ^= 1
			checkNoOracle(t, "tag", flipped, content)
		}
		checkNoOracle(t, "cut", message[:last], content)
	}
}

// checkNoOracle wants one operation and ErrDecrypt itself, or, in CBC, rubbish.
func checkNoOracle(t *testing.T, name string, message, content []byte) {
	t.Helper()
	var keys [][]byte
	for range 2 {
		src := &countingSource{alice(t).cert, &countingKey{PrivateKey: alice(t).key}}
		m := header(t, message)
		cek, err := Keys(src).Unwrap(t.Context(), m.WrappedKey())
		if err != nil || len(cek) != m.ContentAlgorithm.KeySize {
			t.Errorf("%s: Unwrap = %d bytes, %v; want a key and no error", name, len(cek), err)
		}
		if src.key.operations != 1 {
			t.Errorf("%s: %d private-key operations, want 1", name, src.key.operations)
		}
		keys = append(keys, cek)
		var out bytes.Buffer
		err = m.Decrypt(t.Context(), &out, cek)
		lucky := err == nil && !m.Authenticated() && !bytes.Equal(out.Bytes(), content)
		if err != ErrDecrypt && !lucky {
			t.Errorf("%s: Decrypt: %v, want ErrDecrypt", name, err)
		}
	}
	if !bytes.Equal(keys[0], keys[1]) {
		t.Errorf("%s: the substitute key changes", name)
	}
}

// The substitute must differ between keys and between ciphertexts.
func TestSubstituteKey(t *testing.T) {
	ct := pattern(256)
	seen := make(map[string]bool)
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.PrivateKey{alice(t).key, bob(t).key, x25519, &countingKey{PrivateKey: alice(t).key}, secretKey("a"), secretKey("b")} {
		for _, ct := range [][]byte{ct, ct[1:], pattern(255)} {
			sub, err := SubstituteKey(key, WrapOAEP, 32, ct)
			again, _ := SubstituteKey(key, WrapOAEP, 32, ct)
			if err != nil || len(sub) != 32 || !bytes.Equal(sub, again) {
				t.Errorf("%T: %x, then %x, %v", key, sub, again, err)
			}
			seen[string(sub)] = true
		}
	}
	if len(seen) != 18 {
		t.Errorf("%d different substitutes, want 18", len(seen))
	}
}

// A secretKey stays where it is, and has a secret for substitutes.
type secretKey string

func (k secretKey) SubstituteSecret() []byte { return []byte(k) }

// Sent again for content keys of other sizes, or as OAEP, a well padded ciphertext and
// another one get answers of one kind: as many different ones, that begin differently.
func TestNoOracleInAnotherForm(t *testing.T) {
	key := alice(t).key
	block := bytes.Repeat([]byte{0xaa}, key.Size())
	block[0], block[1] = 0, 2
	for _, separator := range []byte{0, 7} {
		block[len(block)-17] = separator // the key has 16 bytes, or the padding is wrong
		starts := make(map[string]bool)
		answers := 0
		for _, oaep := range []*rsa.OAEPOptions{nil, {Hash: crypto.SHA1}} {
			for _, size := range []int{16, 24, 32} {
				r := Recipient{Kind: KeyTransport, encryptedKey: rawRSA(&key.PublicKey, block), oaep: oaep}
				cek, err := r.transport(key, size)
				if err != nil || len(cek) != size {
					t.Fatalf("%d bytes, %v", len(cek), err)
				}
				starts[string(cek[:8])] = true
				answers++
			}
		}
		if len(starts) != answers {
			t.Errorf("separator %d: %d different answers of %d", separator, len(starts), answers)
		}
	}
}

// Only the first recipient that names our certificate is tried.
func TestFirstRecipientOnly(t *testing.T) {
	message := seal(t, pattern(10), Options{}, alice(t))
	m := header(t, message)
	good := m.Recipients[0].Raw
	bad := bytes.Replace(good, m.Recipients[0].encryptedKey, make([]byte, 256), 1)
	oaep := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 7}
	unknown := [2][]byte{oaep, append(oaep[:8:8], 99)}
	w := m.WrappedKey()
	for _, test := range []struct {
		name       string
		recipients []byte
		same       bool
	}{
		{"unknown algorithm first", slices.Concat(bytes.Replace(good, unknown[0], unknown[1], 1), good), true},
		{"good first", slices.Concat(good, bad), true},
		{"bad first", slices.Concat(bad, good), false},
	} {
		var err error
		if w.Recipients, err = parseRecipients(el(tagSet, test.recipients)); err != nil {
			t.Fatal(err)
		}
		src := &countingSource{alice(t).cert, &countingKey{PrivateKey: alice(t).key}}
		cek, cert, err := w.Unwrap(t.Context(), src)
		if err != nil || !cert.Equal(alice(t).cert) || src.key.operations != 1 {
			t.Errorf("%s: %v, %d operations", test.name, err, src.key.operations)
		}
		if err := m.Decrypt(t.Context(), io.Discard, cek); (err == nil) != test.same {
			t.Errorf("%s: Decrypt: %v", test.name, err)
		}
		m = header(t, message)
	}
}

// A countingECDH is a key that is no *ecdh.PrivateKey.
type countingECDH struct {
	key        agreementKey
	operations int
}

func (k *countingECDH) ECDH(peer *ecdh.PublicKey) ([]byte, error) {
	k.operations++
	return k.key.ECDH(peer)
}

// Whatever is wrong with a key agreement: one operation, a key, no error, and the
// same key each time.
func TestNoOracleInAgreement(t *testing.T) {
	cek := pattern(32)
	for _, curve := range curveNames {
		id := newECIdentity(t, curve)
		point := bytes.Clone(ecdhPublicKey(id.cert).Bytes())
		originator := func(point []byte) []byte {
			return el(0xa1, el(tagSequence, []byte{6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1}), el(3, []byte{0}, point))
		}
		flip := func(i int) func([]byte) []byte {
			return func(wrapped []byte) []byte { wrapped[i] ^= 1; return wrapped }
		}
		offCurve := bytes.Clone(point)
		offCurve[len(offCurve)-1] ^= 1
		for name, a := range map[string]agreed{
			"first byte":     {breakKey: flip(0)},
			"last byte":      {breakKey: flip(39)},
			"short key":      {breakKey: func(w []byte) []byte { return w[:24] }},
			"long key":       {breakKey: func(w []byte) []byte { return append(w, w[:8]...) }},
			"odd key":        {breakKey: func(w []byte) []byte { return w[:39] }},
			"one byte":       {breakKey: func(w []byte) []byte { return w[:1] }},
			"no key":         {breakKey: func(w []byte) []byte { return nil }},
			"another point":  {originator: originator(point)},
			"not on curve":   {originator: originator(offCurve)},
			"zeros":          {originator: originator(make([]byte, len(point)))},
			"no point":       {originator: originator(nil)},
			"infinity":       {originator: originator([]byte{0})},
			"compressed":     {originator: originator(append([]byte{2}, point[:32]...))},
			"of other curve": {originator: originator(pattern(99))},
		} {
			a.scheme, a.wrap = derSHA256KDF, derWrap256
			w := replaceRecipients(t, gcmWrappedKey(), a.info(t, cek, crypto.SHA256, 32, id))
			for _, key := range []crypto.PrivateKey{id.key, &countingECDH{key: asAgreementKey(id.key)}} {
				var keys [2][]byte
				for i := range keys {
					var err error
					if keys[i], _, err = w.Unwrap(t.Context(), &pair{id.cert, key}); err != nil || len(keys[i]) != 32 {
						t.Errorf("%s, %s: %d bytes, %v; want a key", curve, name, len(keys[i]), err)
					}
				}
				if bytes.Equal(keys[0], cek) || !bytes.Equal(keys[0], keys[1]) {
					t.Errorf("%s, %s: the right key, or one that changes", curve, name)
				}
				if key, ok := key.(*countingECDH); ok && key.operations != len(keys) {
					t.Errorf("%s, %s: %d operations for %d calls", curve, name, key.operations, len(keys))
				}
			}
		}
	}
}
