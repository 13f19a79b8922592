package jwe

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"poolcert/decrypt/cms"
	"poolcert/internal/testcert"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestRefused(t *testing.T) {
	src := newRing(testcert.RSA(t))
	key := encode(strings.Repeat("k", 256))
	many := `{"protected":"` + encode(`{"enc":"A256GCM"}`) + `","recipients":[` +
		strings.Repeat(`{"header":{"alg":"RSA-OAEP"}},`, 33) + `{}],"iv":"","ciphertext":"","tag":""}`
	for name, test := range map[string]struct{ text, want string }{
		"empty":             {"", "five parts"},
		"four parts":        {encode(`{}`) + "...", "five parts"},
		"six parts":         {encode(`{}`) + ".....", "five parts"},
		"dots":              {strings.Repeat(".", 100_000), "five parts"},
		"no header":         {"....", "alg and enc"},
		"not base64url":     {"e$..." + ".", "base64url"},
		"null header":       {encode(`null`) + "....", "alg and enc"},
		"array":             {encode(`[]`) + "....", "JOSE header"},
		"alg twice":         {encode(`{"alg":"RSA-OAEP","alg":"RSA1_5","enc":"A256GCM"}`) + "....", "JOSE header"},
		"number":            {encode(`{"alg":7,"enc":"A256GCM"}`) + "....", "JOSE header"},
		"deep":              {encode(`{"alg":"RSA-OAEP","enc":"A256GCM","x":`+strings.Repeat("[", 20_000)) + "....", "JOSE header"},
		"none":              {encode(`{"alg":"none","enc":"A256GCM"}`) + "....", "JWE key algorithm: none"},
		"dir":               {encode(`{"alg":"dir","enc":"A256GCM"}`) + "....", "JWE key algorithm: dir"},
		"A256KW":            {encode(`{"alg":"A256KW","enc":"A256GCM"}`) + "." + key + "...", "JWE key algorithm: A256KW"},
		"PBES2":             {encode(`{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":2147483647,"p2s":"YQ"}`) + "." + key + "...", "JWE key algorithm: PBES2"},
		"RSA1_5":            {encode(`{"alg":"RSA1_5","enc":"A256GCM"}`) + "." + key + "...", "JWE key algorithm: RSA1_5"},
		"long alg":          {encode(`{"alg":"`+strings.Repeat("a", 50_000)+`","enc":"A256GCM"}`) + "....", "JWE key algorithm: aaa"},
		"enc":               {encode(`{"alg":"RSA-OAEP","enc":"A256CTR"}`) + "....", "content encryption algorithm: A256CTR"},
		"crit":              {encode(`{"alg":"RSA-OAEP","enc":"A256GCM","crit":["exp"]}`) + "....", "JWE extension: crit"},
		"zip":               {encode(`{"alg":"RSA-OAEP","enc":"A256GCM","zip":"GZ"}`) + "....", "JWE compression: GZ"},
		"large header":      {encode(`{"alg":"RSA-OAEP","enc":"A256GCM","x":"`+strings.Repeat("x", 100_000)+`"}`) + "....", "limit of 65536 bytes of JWE header"},
		"large zip":         {encode(`{"alg":"RSA-OAEP","enc":"A256GCM","zip":"DEF"}`) + "." + key + ".." + strings.Repeat("A", 6<<20) + ".", "limit of 4194304 bytes of compressed JWE"},
		"large":             {strings.Repeat("A", MaxMessage+1), "limit of 16777216 bytes of JWE"},
		"many recipients":   {many, "limit of 32 recipients"},
		"recipients object": {`{"protected":"` + encode(`{"enc":"A256GCM"}`) + `","recipients":{}}`, "a JWE in JSON"},
		"two enc":           {`{"recipients":[{"header":{"alg":"dir","enc":"A256GCM"}},{"header":{"alg":"dir","enc":"A128GCM"}}]}`, "one enc"},
		"no epk":            {encode(`{"alg":"ECDH-ES","enc":"A256GCM"}`) + "....", "epk"},
		"epk, curve":        {encode(`{"alg":"ECDH-ES","enc":"A256GCM","epk":{"kty":"EC","crv":"secp256k1","x":"AA"}}`) + "....", "curve of ECDH-ES: secp256k1"},
		"epk, size":         {encode(`{"alg":"ECDH-ES","enc":"A256GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`) + "....", "x of the ephemeral key"},
		"epk, off curve":    {encode(`{"alg":"ECDH-ES","enc":"A256GCM","epk":{"kty":"EC","crv":"P-256","x":"`+strings.Repeat("A", 43)+`","y":"`+strings.Repeat("A", 43)+`"}}`) + "....", "on its curve"},
		"bad x5c":           {encode(`{"alg":"RSA-OAEP","enc":"A256GCM","x5c":["*"]}`) + "....", "base64 in x5c"},
		"trailing JSON":     {`{"protected":"` + encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + `"}{}`, "a JWE in JSON"},
	} {
		got, err := open(t, []byte(test.text), src, Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) || len(got) > 0 {
			t.Errorf("%s: %q, %v; want an error with %q", name, got, err, test.want)
			continue
		}
		if len(err.Error()) > 500 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
		checkErrorType(t, err)
	}
	if src.used > 0 {
		t.Errorf("%d private-key operations on bad messages", src.used)
	}
}

func checkErrorType(t *testing.T, err error) {
	t.Helper()
	var format *cms.FormatError
	var limit *cms.LimitError
	var unsupported *cms.UnsupportedError
	switch {
	case errors.Is(err, cms.ErrDecrypt), errors.Is(err, cms.ErrNoRecipient):
	case errors.As(err, &format), errors.As(err, &limit), errors.As(err, &unsupported):
	default:
		t.Errorf("unexpected kind of error: %T %v", err, err)
	}
}

func TestZip(t *testing.T) {
	pair := testcert.RSA(t)
	zipped := func(content []byte) []byte {
		e, err := jose.NewEncrypter(jose.A128GCM, jose.Recipient{Algorithm: jose.RSA_OAEP, Key: pair.Key.Public()}, &jose.EncrypterOptions{Compression: jose.DEFLATE})
		if err != nil {
			t.Fatal(err)
		}
		object, err := e.Encrypt(content)
		if err != nil {
			t.Fatal(err)
		}
		text, err := object.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return []byte(text)
	}
	content := bytes.Repeat([]byte("secret "), 10_000)
	if got, err := open(t, zipped(content), newRing(pair), Options{}); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(content))
	}
	if got, err := open(t, zipped(make([]byte, 16<<20)), newRing(pair), Options{}); err != cms.ErrDecrypt {
		t.Errorf("bomb: %d bytes, %v; want ErrDecrypt", len(got), err)
	}
}

// A message for nobody costs a bounded number of private-key operations.
func TestTriesAreBounded(t *testing.T) {
	var src ring
	for i := range 40 {
		pub := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(int64(i)), 1023, 1), E: 3}
		src.keys = append(src.keys, deafKey{pub, &src.used})
		src.certs = append(src.certs, &x509.Certificate{Raw: []byte{byte(i)}, PublicKey: pub})
	}
	recipient := map[string]any{"header": map[string]string{"alg": "RSA-OAEP"}, "encrypted_key": encode(strings.Repeat("k", 128))}
	message := map[string]any{
		"protected": encode(`{"enc":"A256GCM"}`), "iv": encode("012345678901"), "ciphertext": "YQ", "tag": encode("0123456789012345"),
	}
	for _, n := range []int{1, 32} {
		recipients := make([]any, n)
		for i := range recipients {
			recipients[i] = recipient
		}
		message["recipients"] = recipients
		text, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		src.used = 0
		if _, err := open(t, text, &src, Options{}); err != cms.ErrDecrypt || src.used > maxTries {
			t.Errorf("%d recipients: %v, %d private-key operations; want ErrDecrypt, at most %d", n, err, src.used, maxTries)
		}
	}
}

// A deafKey opens nothing.
type deafKey struct {
	pub  *rsa.PublicKey
	used *int
}

func (k deafKey) Public() crypto.PublicKey { return k.pub }

func (k deafKey) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	*k.used++
	return nil, rsa.ErrDecryption
}

// Whatever is wrong with a message for us, nobody can tell what it is.
func TestOneError(t *testing.T) {
	pair := testcert.RSA(t)
	pub := pair.Key.Public().(*rsa.PublicKey)
	size := pub.Size()
	wrapped := func(block []byte) string {
		c := make([]byte, size)
		copy(c[size-len(block):], block)
		return base64.RawURLEncoding.EncodeToString(rawEncrypt(pub, c))
	}
	pad := bytes.Repeat([]byte{0xaa}, size-3-32)
	cek := bytes.Repeat([]byte{1}, 32)
	block := func(start ...byte) []byte { return append(append(append(start, pad...), 0), cek...) }
	keys := map[string]string{
		"padding right, other key": wrapped(block(0, 2)),
		"block type":               wrapped(block(0, 1)),
		"first byte":               wrapped(block(1, 2)),
		"no separator":             wrapped(append([]byte{0, 2}, bytes.Repeat([]byte{0xaa}, size-2)...)),
		"short key":                wrapped(append(append([]byte{0, 2}, bytes.Repeat([]byte{0xaa}, size-3-16)...), append([]byte{0}, cek[:16]...)...)),
	}
	for _, alg := range []string{"RSA1_5", "RSA-OAEP", "RSA-OAEP-512"} {
		header := encode(fmt.Sprintf(`{"alg":%q,"enc":"A256GCM"}`, alg))
		for name, key := range keys {
			src := newRing(pair)
			text := header + "." + key + "." + encode("012345678901") + ".YWFh." + encode("0123456789012345")
			got, err := open(t, []byte(text), src, Options{AllowRSA15: true})
			if err != cms.ErrDecrypt || len(got) > 0 || src.used != 1 {
				t.Errorf("%s, %s: %q, %v, %d operations; want ErrDecrypt, 1", alg, name, got, err, src.used)
			}
		}
	}

	// The key that stands in is the same each time, and another for another block.
	w := &WrappedKey{Encryption: "A256GCM", Recipients: []Recipient{{Algorithm: "RSA1_5"}}}
	seen := make(map[string]string)
	for name, key := range keys {
		w.Recipients[0].EncryptedKey, _ = base64.RawURLEncoding.DecodeString(key)
		first, _, err := w.Unwrap(t.Context(), newRing(pair))
		if err != nil || len(first) != 1 || len(first[0]) != 32 {
			t.Fatalf("%s: %x, %v", name, first, err)
		}
		again, _, err := w.Unwrap(t.Context(), newRing(pair))
		if err != nil || !bytes.Equal(first[0], again[0]) {
			t.Errorf("%s: %x, then %x, %v", name, first[0], again[0], err)
		}
		if other := seen[string(first[0])]; other != "" {
			t.Errorf("%s and %s give the same key", name, other)
		}
		seen[string(first[0])] = name
		if isCEK := bytes.Equal(first[0], cek); isCEK != strings.HasPrefix(name, "padding right") {
			t.Errorf("%s: opened is %v", name, isCEK)
		}
	}
}

// rawEncrypt is RSA without padding.
func rawEncrypt(pub *rsa.PublicKey, block []byte) []byte {
	m := new(big.Int).SetBytes(block)
	return m.Exp(m, big.NewInt(int64(pub.E)), pub.N).FillBytes(make([]byte, pub.Size()))
}

func TestParseWrappedKey(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "no recipients": `{"enc":"A256GCM"}`, "enc": `{"enc":"x","recipients":[{"alg":"RSA-OAEP"}]}`,
		"alg":        `{"enc":"A256GCM","recipients":[{"alg":"dir"}]}`,
		"no epk":     `{"enc":"A256GCM","recipients":[{"alg":"ECDH-ES"}]}`,
		"bad epk":    `{"enc":"A256GCM","recipients":[{"alg":"ECDH-ES","epk":{"crv":"P-256","x":"AA"}}]}`,
		"large":      `{"enc":"A256GCM","recipients":[{"alg":"RSA-OAEP","kid":"` + strings.Repeat("x", maxWrapped) + `"}]}`,
		"recipients": `{"enc":"A256GCM","recipients":[{"alg":"RSA-OAEP"}` + strings.Repeat(`,{"alg":"RSA-OAEP"}`, 32) + `]}`,
	} {
		if _, err := ParseWrappedKey([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			checkErrorType(t, err)
		}
	}
}

// A failing key source is no failure to decrypt.
func TestKeySourceErrorComesOut(t *testing.T) {
	broken := errors.New("broken store")
	w := &WrappedKey{Encryption: "A256GCM", Recipients: []Recipient{{Algorithm: "RSA-OAEP", EncryptedKey: make([]byte, 256)}}}
	if _, _, err := w.Unwrap(t.Context(), failing{broken}); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the source", err)
	}
	// A key of another kind than its certificate opens nothing.
	src := &ring{certs: []*x509.Certificate{testcert.RSA(t).Cert}, keys: []crypto.PrivateKey{io.EOF}}
	ceks, _, err := w.Unwrap(t.Context(), src)
	if err != nil || len(ceks) != 1 || len(ceks[0]) != 32 {
		t.Errorf("%x, %v; want one key that stands in", ceks, err)
	}
}
