package jwe

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	josecipher "github.com/go-jose/go-jose/v4/cipher"

	"poolcert/decrypt/cms"
	"poolcert/internal/testcert"
)

var secret = []byte("the secret")

var encryptions = []jose.ContentEncryption{
	jose.A128GCM, jose.A192GCM, jose.A256GCM, jose.A128CBC_HS256, jose.A192CBC_HS384, jose.A256CBC_HS512,
}

func TestAlgorithms(t *testing.T) {
	rsaPair, p256, p384 := testcert.RSA(t), testcert.ECDSA(t), testcert.ECDSA(t, testcert.Key("p384"))
	src := newRing(testcert.RSA(t, testcert.Key("rsa2048b"), testcert.Name("other")), p384, rsaPair, p256)
	for alg, pair := range map[jose.KeyAlgorithm]*testcert.Pair{
		jose.RSA_OAEP: rsaPair, jose.RSA_OAEP_256: rsaPair, jose.RSA1_5: rsaPair,
		jose.ECDH_ES: p256, jose.ECDH_ES_A128KW: p384, jose.ECDH_ES_A192KW: p256, jose.ECDH_ES_A256KW: p384,
	} {
		for _, enc := range encryptions {
			for _, form := range []string{"compact", "flattened"} {
				for _, content := range [][]byte{{}, secret, bytes.Repeat([]byte{7}, 1<<16)} {
					text := seal(t, form, alg, enc, pair.Key.Public(), content, nil)
					got, err := open(t, append(text, '\n'), src, Options{AllowRSA15: true})
					if err != nil || !bytes.Equal(got, content) {
						t.Errorf("%s %s %s: %d bytes, %v; want %d", form, alg, enc, len(got), err, len(content))
					}
				}
			}
		}
	}
}

// compact puts a message together that go-jose cannot make.
func compact(t *testing.T, header map[string]any, encryptedKey, cek []byte) []byte {
	t.Helper()
	protected, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	first := base64.RawURLEncoding.EncodeToString(protected)
	block, err := aes.NewCipher(cek)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, gcm.NonceSize())
	sealed := gcm.Seal(nil, nonce, secret, []byte(first))
	parts := []string{first}
	for _, part := range [][]byte{encryptedKey, nonce, sealed[:len(secret)], sealed[len(secret):]} {
		parts = append(parts, base64.RawURLEncoding.EncodeToString(part))
	}
	return []byte(strings.Join(parts, "."))
}

func TestOAEPWithLongHashes(t *testing.T) {
	pair := testcert.RSA(t)
	cek := bytes.Repeat([]byte{9}, 32)
	for name, hash := range map[string]crypto.Hash{"RSA-OAEP-384": crypto.SHA384, "RSA-OAEP-512": crypto.SHA512} {
		wrapped, err := rsa.EncryptOAEP(hash.New(), rand.Reader, pair.Key.Public().(*rsa.PublicKey), cek, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := open(t, compact(t, map[string]any{"alg": name, "enc": "A256GCM"}, wrapped, cek), newRing(pair), Options{})
		if err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The sender's side of ECDH-ES, apart from the code under test.
func TestX25519(t *testing.T) {
	cert, key := x25519(t)
	sender, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	z, err := sender.ECDH(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	derive := func(name string, size int) []byte {
		info := append([]byte{0, 0, 0, byte(len(name))}, name...)
		kdf := josecipher.NewConcatKDF(crypto.SHA256, z, info, []byte("\x00\x00\x00\x05Alice"), []byte("\x00\x00\x00\x03Bob"), []byte{0, 0, byte(size * 8 >> 8), byte(size * 8)}, nil)
		out := make([]byte, size)
		if _, err := io.ReadFull(kdf, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	header := map[string]any{
		"alg": "ECDH-ES", "enc": "A128GCM", "apu": "QWxpY2U", "apv": "Qm9i",
		"epk": map[string]string{"kty": "OKP", "crv": "X25519", "x": base64.RawURLEncoding.EncodeToString(sender.PublicKey().Bytes())},
	}
	src := &ring{certs: []*x509.Certificate{cert}, keys: []crypto.PrivateKey{key}}
	got, err := open(t, compact(t, header, nil, derive("A128GCM", 16)), src, Options{})
	if err != nil || !bytes.Equal(got, secret) {
		t.Errorf("direct: %q, %v", got, err)
	}
	header["alg"], header["enc"] = "ECDH-ES+A256KW", "A256GCM"
	block, err := aes.NewCipher(derive("ECDH-ES+A256KW", 32))
	if err != nil {
		t.Fatal(err)
	}
	cek := bytes.Repeat([]byte{5}, 32)
	wrapped, err := josecipher.KeyWrap(block, cek)
	if err != nil {
		t.Fatal(err)
	}
	got, err = open(t, compact(t, header, wrapped, cek), src, Options{})
	if err != nil || !bytes.Equal(got, secret) {
		t.Errorf("key wrap: %q, %v", got, err)
	}
}

// What names a certificate finds its key, and costs one operation.
func TestNames(t *testing.T) {
	a, b := testcert.RSA(t), testcert.RSA(t, testcert.Key("rsa2048b"), testcert.Name("b"))
	c := testcert.RSA(t, testcert.Key("rsa2048b"), testcert.Name("b, renewed"))
	sum1, sum256 := sha1.Sum(b.Cert.Raw), sha256.Sum256(b.Cert.Raw)
	jwk, err := (&jose.JSONWebKey{Key: b.Cert.PublicKey}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	for name, headers := range map[string]map[jose.HeaderKey]any{
		"x5t":                 {"x5t": b64(sum1[:])},
		"x5t#S256":            {"x5t#S256": b64(sum256[:])},
		"x5c":                 {"x5c": []string{base64.StdEncoding.EncodeToString(b.Cert.Raw)}},
		"both":                {"x5t#S256": b64(sum256[:]), "x5t": b64(sum1[:])},
		"kid, thumbprint":     {"kid": strings.ToUpper(hex.EncodeToString(sum1[:]))},
		"kid, SHA-256":        {"kid": b64(sum256[:])},
		"kid, key identifier": {"kid": hex.EncodeToString(b.Cert.SubjectKeyId)},
		"kid, JWK thumbprint": {"kid": b64(jwk)},
	} {
		src := newRing(a, b)
		text := seal(t, "compact", jose.RSA_OAEP, jose.A256GCM, b.Key.Public(), secret, headers)
		got, err := open(t, text, src, Options{})
		if err != nil || !bytes.Equal(got, secret) || src.used != 1 {
			t.Errorf("%s: %q, %v, %d operations; want 1", name, got, err, src.used)
		}
		// A digest of the certificate is strict; a kid may be any name.
		_, err = open(t, text, newRing(a, c), Options{})
		var none *NoRecipientError
		if strings.HasPrefix(name, "kid") {
			if err != nil {
				t.Errorf("%s, key of another certificate: %v", name, err)
			}
		} else if !errors.Is(err, cms.ErrNoRecipient) || !errors.As(err, &none) || len(none.Recipients) != 1 {
			t.Errorf("%s, other certificate: %v, want a NoRecipientError", name, err)
		}
	}
	src := newRing(a, b)
	text := seal(t, "compact", jose.RSA_OAEP, jose.A256GCM, b.Key.Public(), secret, map[jose.HeaderKey]any{"kid": "my key"})
	if got, err := open(t, text, src, Options{}); err != nil || !bytes.Equal(got, secret) || src.used != 2 {
		t.Errorf("free kid: %q, %v, %d operations; want 2", got, err, src.used)
	}
	if _, err := open(t, text, newRing(testcert.RSA(t, testcert.Key("rsa3072")), testcert.ECDSA(t)), Options{}); !errors.Is(err, cms.ErrNoRecipient) {
		t.Errorf("no key of that size: %v, want ErrNoRecipient", err)
	}
}

func TestEncrypt(t *testing.T) {
	a, b, e := testcert.RSA(t), testcert.RSA(t, testcert.Key("rsa3072")), testcert.ECDSA(t)
	for _, to := range [][]*testcert.Pair{{a}, {e}, {a, b, e}, {e, e, a}} {
		var certs []*x509.Certificate
		for _, p := range to {
			certs = append(certs, p.Cert)
		}
		text, err := Encrypt(certs, secret)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: "compact", false: "general"}[len(to) == 1]; m.Form != want || m.Encryption != "A256GCM" || m.ContentSize != int64(len(secret)) {
			t.Errorf("%s, %s, %d bytes", m.Form, m.Encryption, m.ContentSize)
		}
		for i, p := range to {
			sum := sha256.Sum256(p.Cert.Raw)
			if r := m.Recipients[i]; r.KeyID != p.Thumbprint().String() || !bytes.Equal(r.X5TS256, sum[:]) {
				t.Errorf("recipient %d is named %q, %x", i, r.KeyID, r.X5TS256)
			}
			if got, err := open(t, text, newRing(p), Options{}); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("recipient %d of %d: %q, %v", i, len(to), got, err)
			}
		}
	}
	if _, err := Encrypt(nil, secret); err == nil {
		t.Error("encrypted to nobody")
	}
	many := make([]*x509.Certificate, maxRecipients+1)
	for i := range many {
		many[i] = a.Cert
	}
	var limit *cms.LimitError
	if _, err := Encrypt(many, secret); !errors.As(err, &limit) {
		t.Errorf("too many recipients: %v", err)
	}
	x, _ := x25519(t)
	var unsupported *cms.UnsupportedError
	if _, err := Encrypt([]*x509.Certificate{x}, secret); !errors.As(err, &unsupported) || !strings.Contains(err.Error(), "neither RSA nor on P-256") {
		t.Errorf("X25519: %v", err)
	}
}

// A recipient that we know nothing of does not hinder ours.
func TestUnknownNeighbour(t *testing.T) {
	a := testcert.RSA(t)
	text, err := Encrypt([]*x509.Certificate{testcert.RSA(t, testcert.Key("rsa3072")).Cert, a.Cert}, secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{"A256KW", "PBES2-HS512+A256KW", "from-the-future"} {
		changed := strings.Replace(string(text), `"alg":"RSA-OAEP-256"`, fmt.Sprintf(`"alg":%q,"p2c":2147483647`, alg), 1)
		if got, err := open(t, []byte(changed), newRing(a), Options{}); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%s: %q, %v", alg, got, err)
		}
	}
	epk := `"alg":"ECDH-ES","epk":{"kty":"OKP","crv":"X448","x":"AA"}`
	changed := strings.Replace(string(text), `"alg":"RSA-OAEP-256"`, epk, 1)
	if got, err := open(t, []byte(changed), newRing(a), Options{}); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("X448: %q, %v", got, err)
	}
}
