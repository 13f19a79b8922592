package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"poolcert/internal/testcert"
)

// A pair is a certificate with a key of any kind. It is a KeySource for itself.
type pair struct {
	cert *x509.Certificate
	key  crypto.PrivateKey
}

func (id *pair) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	if !match(id.cert) {
		return nil, nil, ErrNoRecipient
	}
	return id.cert, id.key, nil
}

var curveNames = []string{"P-256", "P-384", "P-521", "X25519"}

// newECIdentity makes an identity with a key of its own on the named curve.
func newECIdentity(t testing.TB, curve string) *pair {
	t.Helper()
	var pub crypto.PublicKey
	var key crypto.PrivateKey
	if curve == "X25519" {
		private, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		// CreateCertificate takes no such key, but one of Ed25519, which looks alike.
		pub, key = ed25519.PublicKey(private.PublicKey().Bytes()), private
	} else {
		named := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
		private, err := ecdsa.GenerateKey(named[curve], rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		pub, key = &private.PublicKey, private
	}
	ca := testcert.CA(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(time.Now().UnixNano())),
		Subject:      pkix.Name{CommonName: "EC " + curve},
		SubjectKeyId: pattern(20),
		NotBefore:    time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageKeyAgreement | x509.KeyUsageKeyEncipherment, // gpgsm wants both
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Cert, pub, ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	if curve == "X25519" {
		der = bytes.Replace(der, []byte{6, 3, 0x2b, 101, 112}, []byte{6, 3, 0x2b, 101, 110}, 1)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{cert, key}
}

// save writes the certificate and key as PEM files into dir.
func (id *pair) save(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(id.key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, id.cert.Subject.CommonName)
	for path, block := range map[string]*pem.Block{
		name + ".crt": {Type: "CERTIFICATE", Bytes: id.cert.Raw},
		name + ".key": {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return name + ".crt", name + ".key"
}

// sealTo encrypts content to any certificates.
func sealTo(t testing.TB, content []byte, opts Options, to ...*x509.Certificate) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, to, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Each of several recipients of all kinds opens the message, in any shape.
func TestMixedRecipients(t *testing.T) {
	sources := []KeySource{alice(t)}
	to := []*x509.Certificate{alice(t).cert}
	for _, curve := range curveNames {
		id := newECIdentity(t, curve)
		sources, to = append(sources, id), append(to, id.cert)
	}
	content := pattern(1000)
	for _, opts := range []Options{{}, {Compat: true}} {
		der := sealTo(t, content, opts, to...)
		for i, src := range sources {
			for form, message := range map[string][]byte{"DER": der, "BER": toBER(t, der)} {
				got, err := open(src, message)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%+v, %s, recipient %d: %d bytes, %v", opts, form, i, len(got), err)
				}
			}
		}
		if _, err := open(bob(t), der); !errors.Is(err, ErrNoRecipient) {
			t.Errorf("another's key: %v, want ErrNoRecipient", err)
		}
	}
}

// A recipient fits keys of its kind, size and curve, and no others.
func TestFits(t *testing.T) {
	longer, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	keys := []crypto.PublicKey{alice(t).cert.PublicKey}
	to := []*x509.Certificate{alice(t).cert}
	for _, curve := range curveNames {
		id := newECIdentity(t, curve)
		keys, to = append(keys, id.key.(interface{ Public() crypto.PublicKey }).Public()), append(to, id.cert)
	}
	m := header(t, sealTo(t, nil, Options{}, to...))
	if len(m.Recipients) != len(keys) {
		t.Fatalf("%d recipients, want %d", len(m.Recipients), len(keys))
	}
	keys = append(keys, longer.Public(), ed25519.PublicKey(make([]byte, 32)))
	for _, r := range m.Recipients {
		for i, key := range keys {
			want := i < len(to) && r.matches(to[i])
			if got := r.Fits(key); got != want {
				t.Errorf("recipient %v and key %d: %t, want %t", r, i, got, want)
			}
		}
	}
}

// An agreed is a KeyAgreeRecipientInfo to be made for a test.
type agreed struct {
	scheme, wrap, ukm []byte // ukm: nil for none
	originator        []byte // an OriginatorIdentifierOrKey, nil for a new key
	keyID             bool
	hkdf              bool
	breakKey          func(wrapped []byte) []byte
}

// info makes the RecipientInfo for several certificates of one curve; the
// encryption is done here once more, with what the standard library has.
func (a agreed) info(t testing.TB, cek []byte, hash crypto.Hash, kekSize int, to ...*pair) []byte {
	t.Helper()
	curve := ecdhPublicKey(to[0].cert).Curve()
	ephemeral, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if a.originator == nil {
		a.originator = el(0xa1, el(tagSequence, []byte{6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1}), el(3, []byte{0}, ephemeral.PublicKey().Bytes()))
	}
	var ukmField, ukmInfo []byte
	if a.ukm != nil {
		ukmField, ukmInfo = el(0xa1, el(tagOctets, a.ukm)), el(0xa0, el(tagOctets, a.ukm))
	}
	info := el(tagSequence, a.wrap, ukmInfo, el(0xa2, el(tagOctets, []byte{0, 0, byte(kekSize * 8 >> 8), byte(kekSize * 8)})))
	var keys []byte
	for _, id := range to {
		secret, err := ephemeral.ECDH(ecdhPublicKey(id.cert))
		if err != nil {
			t.Fatal(err)
		}
		var kek []byte
		for i := byte(1); len(kek) < kekSize; i++ {
			h := hash.New()
			h.Write(slices.Concat(secret, []byte{0, 0, 0, i}, info))
			kek = h.Sum(kek)
		}
		if a.hkdf { // RFC 8418, section 2.2: the ukm is the salt, too
			if kek, err = hkdf.Key(hash.New, secret, a.ukm, string(info), kekSize); err != nil {
				t.Fatal(err)
			}
		}
		wrapped, err := wrapKey(kek[:kekSize], cek)
		if err != nil {
			t.Fatal(err)
		}
		if a.breakKey != nil {
			wrapped = a.breakKey(wrapped)
		}
		rid := el(tagSequence, id.cert.RawIssuer, el(tagInteger, id.cert.SerialNumber.Bytes()))
		if a.keyID {
			rid = el(0xa0, el(tagOctets, id.cert.SubjectKeyId), el(0x18, []byte("20200101000000Z")))
		}
		keys = append(keys, el(tagSequence, rid, el(tagOctets, wrapped))...)
	}
	return el(0xa1, []byte{tagInteger, 1, 3}, el(0xa0, a.originator), ukmField, el(tagSequence, a.scheme, a.wrap), el(tagSequence, keys))
}

var (
	derSHA256KDF = []byte{6, 6, 0x2b, 0x81, 4, 1, 11, 1}
	derSHA1KDF   = []byte{6, 9, 0x2b, 0x81, 5, 0x10, 0x86, 0x48, 0x3f, 0, 2}
	derHKDF384   = []byte{6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 3, 20}
	derWrap128   = el(tagSequence, []byte{6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 5})
	derWrap256   = el(tagSequence, []byte{6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 45})
)

// replaceRecipients puts other RecipientInfos into a wrapped key.
func replaceRecipients(t testing.TB, w *WrappedKey, infos ...[]byte) *WrappedKey {
	t.Helper()
	w = &WrappedKey{ContentAlgorithm: w.ContentAlgorithm, recipientInfos: el(tagSet, infos...)}
	data, err := w.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if w, err = ParseWrappedKey(data); err != nil {
		t.Fatal(err)
	}
	return w
}

func gcmWrappedKey() *WrappedKey {
	oid := append(oidAES[:8:8], 46)
	raw := el(tagSequence, []byte{0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2e})
	return &WrappedKey{ContentAlgorithm: Algorithm{OID: oid, KeySize: 32, Raw: raw}}
}

// Several keys in one RecipientInfo, named in both ways, with key material of the
// sender.
func TestAgreementVariants(t *testing.T) {
	cek := pattern(32)
	for _, curve := range curveNames {
		a, b := newECIdentity(t, curve), newECIdentity(t, curve)
		b.cert.SubjectKeyId = pattern(21)
		for name, test := range map[string]struct {
			agreed
			hash    crypto.Hash
			kekSize int
		}{
			"plain":           {agreed{scheme: derSHA256KDF, wrap: derWrap256}, crypto.SHA256, 32},
			"ukm":             {agreed{scheme: derSHA256KDF, wrap: derWrap256, ukm: pattern(64)}, crypto.SHA256, 32},
			"empty ukm":       {agreed{scheme: derSHA256KDF, wrap: derWrap256, ukm: []byte{}}, crypto.SHA256, 32},
			"key id":          {agreed{scheme: derSHA256KDF, wrap: derWrap256, keyID: true}, crypto.SHA256, 32},
			"SHA-1, AES-128":  {agreed{scheme: derSHA1KDF, wrap: derWrap128}, crypto.SHA1, 16},
			"SHA-1, AES-256":  {agreed{scheme: derSHA1KDF, wrap: derWrap256}, crypto.SHA1, 32},
			"HKDF":            {agreed{scheme: derHKDF384, wrap: derWrap256, hkdf: true}, crypto.SHA384, 32},
			"HKDF, ukm":       {agreed{scheme: derHKDF384, wrap: derWrap128, hkdf: true, ukm: pattern(16)}, crypto.SHA384, 16},
			"NULL parameters": {agreed{scheme: derSHA256KDF, wrap: el(tagSequence, derWrap256[2:], []byte{5, 0})}, crypto.SHA256, 32},
		} {
			w := replaceRecipients(t, gcmWrappedKey(), test.info(t, cek, test.hash, test.kekSize, a, b))
			if len(w.Recipients) != 2 {
				t.Fatalf("%s: %d recipients, want 2", name, len(w.Recipients))
			}
			for i, src := range []*pair{a, b} {
				got, cert, err := w.Unwrap(t.Context(), src)
				if err != nil || cert != src.cert || !bytes.Equal(got, cek) {
					t.Errorf("%s, %s, recipient %d: %x, %v; want %x", curve, name, i, got, err, cek)
				}
			}
		}
	}
}

// What cannot be used hinders only those it concerns, and is told before the key
// is used.
func TestUnsupportedAgreement(t *testing.T) {
	a, other := newECIdentity(t, "P-256"), newECIdentity(t, "P-256")
	cek := pattern(32)
	unknown := []byte{6, 3, 0x2a, 3, 4}
	for name, test := range map[string]agreed{
		"scheme":            {scheme: unknown, wrap: derWrap256},
		"wrap":              {scheme: derSHA256KDF, wrap: el(tagSequence, unknown)},
		"triple DES wrap":   {scheme: derSHA256KDF, wrap: el(tagSequence, []byte{6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 16, 3, 6}, []byte{5, 0})},
		"static originator": {scheme: derSHA256KDF, wrap: derWrap256, originator: el(tagSequence, other.cert.RawIssuer, []byte{tagInteger, 1, 1})},
		"named originator":  {scheme: derSHA256KDF, wrap: derWrap256, originator: el(0x80, pattern(20))},
	} {
		bad := test.info(t, cek, crypto.SHA256, 32, a)
		good := agreed{scheme: derSHA256KDF, wrap: derWrap256}.info(t, cek, crypto.SHA256, 32, other)
		w := replaceRecipients(t, gcmWrappedKey(), bad, good)
		key := &countingECDH{key: asAgreementKey(a.key)}
		_, _, err := w.Unwrap(t.Context(), &pair{a.cert, key})
		var unsupported *UnsupportedError
		if !errors.As(err, &unsupported) || key.operations != 0 {
			t.Errorf("%s: %v after %d operations, want an UnsupportedError", name, err, key.operations)
		}
		if got, _, err := w.Unwrap(t.Context(), other); err != nil || !bytes.Equal(got, cek) {
			t.Errorf("%s: the other recipient: %v", name, err)
		}
		twice := replaceRecipients(t, gcmWrappedKey(), bad, agreed{scheme: derSHA256KDF, wrap: derWrap256}.info(t, cek, crypto.SHA256, 32, a))
		if got, _, err := twice.Unwrap(t.Context(), a); err != nil || !bytes.Equal(got, cek) {
			t.Errorf("%s: a second time in a good way: %v", name, err)
		}
	}
	w := replaceRecipients(t, gcmWrappedKey(), agreed{scheme: derSHA256KDF, wrap: derWrap256}.info(t, cek, crypto.SHA256, 32, a))
	_, _, err := w.Unwrap(t.Context(), &pair{a.cert, alice(t).key})
	var unsupported *UnsupportedError
	if !errors.As(err, &unsupported) {
		t.Errorf("an RSA key for an EC certificate: %v, want an UnsupportedError", err)
	}
}

func TestMalformedAgreement(t *testing.T) {
	id := newECIdentity(t, "P-256")
	good := agreed{scheme: derSHA256KDF, wrap: derWrap256, ukm: pattern(8)}.info(t, pattern(32), crypto.SHA256, 32, id)
	if _, err := parseRecipients(el(tagSet, good)); err != nil {
		t.Fatal(err)
	}
	var inner [][]byte // the fields
	for s := good[len(good)-len(content(t, good)):]; len(s) > 0; {
		n := len(s) - len(after(t, s))
		inner, s = append(inner, s[:n]), s[n:]
	}
	for i := range inner {
		for name, field := range map[string][]byte{
			"missing": nil, "twice": slices.Concat(inner[i], inner[i]), "empty": el(inner[i][0]), "other": el(0x0c),
		} {
			if i == 2 && (name == "missing") || i == 4 && name == "empty" {
				continue // the ukm is optional; nobody is a fine number of recipients
			}
			fields := slices.Concat(slices.Concat(inner[:i]...), field, slices.Concat(inner[i+1:]...))
			var format *FormatError
			if _, err := parseRecipients(el(tagSet, el(0xa1, fields))); !errors.As(err, &format) {
				t.Errorf("field %d %s: %v, want a FormatError", i, name, err)
			}
		}
	}
	keys := bytes.Repeat(content(t, inner[4]), maxRecipients)
	many := el(0xa1, slices.Concat(slices.Concat(inner[:4]...), el(tagSequence, keys)))
	if r, err := parseRecipients(el(tagSet, many)); err != nil || len(r) != maxRecipients {
		t.Errorf("%d recipients, %v", len(r), err)
	}
	var limit *LimitError
	if _, err := parseRecipients(el(tagSet, many, good)); !errors.As(err, &limit) {
		t.Errorf("one recipient too many: %v, want a LimitError", err)
	}
}

func TestAgreementErrorNamesRecipients(t *testing.T) {
	a, b := newECIdentity(t, "P-256"), newECIdentity(t, "P-256")
	w := replaceRecipients(t, gcmWrappedKey(), agreed{scheme: derSHA256KDF, wrap: derWrap256, keyID: true}.info(t, pattern(32), crypto.SHA256, 32, a))
	b.cert.SubjectKeyId = []byte{1}
	_, _, err := w.Unwrap(t.Context(), b)
	want := fmt.Sprintf("%v: it is for subject key identifier %s", ErrNoRecipient, hex.EncodeToString(pattern(20)))
	if !errors.Is(err, ErrNoRecipient) || err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}
