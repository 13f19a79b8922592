package decrypt

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"poolcert/internal/testcert"
)

// ring is a key source of several keys that counts what they do.
type ring struct {
	pairs []*testcert.Pair
	used  int
}

func (r *ring) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	for _, p := range r.pairs {
		if match(p.Cert) {
			return p.Cert, countingKey{p.Key.(crypto.Decrypter), &r.used}, nil
		}
	}
	return nil, nil, ErrNoRecipient
}

type countingKey struct {
	crypto.Decrypter
	used *int
}

func (k countingKey) Decrypt(r io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	*k.used++
	return k.Decrypter.Decrypt(r, msg, opts)
}

// vector is one of testdata/rsa.json, which testdata/rsa.sh makes.
type vector struct {
	Name, Key, Padding, Hash, Label, Ciphertext string

	Plaintext *string // hex; nil: must fail
}

func TestRSAVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/rsa.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 60 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) { v.test(t) })
	}
}

func (v *vector) test(t *testing.T) {
	b := &RSABlock{RSAOptions: RSAOptions{Padding: Padding(v.Padding)}}
	var err error
	if v.Hash != "" {
		if b.Hash, err = ParseHash(v.Hash); err != nil {
			t.Fatal(err)
		}
	}
	if b.Label, err = hex.DecodeString(v.Label); err != nil {
		t.Fatal(err)
	}
	if b.Ciphertext, err = hex.DecodeString(v.Ciphertext); err != nil {
		t.Fatal(err)
	}
	src := &ring{pairs: []*testcert.Pair{testcert.RSA(t, testcert.Key(v.Key))}}
	opts := Options{Form: RawRSA, RSA: b.RSAOptions}
	var out bytes.Buffer
	res, err := Decrypt(t.Context(), &out, bytes.NewReader(b.Ciphertext), Keys(src), opts)
	switch {
	case v.Plaintext == nil:
		if (err != ErrDecrypt && !errors.Is(err, ErrNoRecipient)) || out.Len() > 0 {
			t.Errorf("%x, %v; want ErrDecrypt", out.Bytes(), err)
		}
		if src.used > 1 || err == ErrDecrypt && src.used != 1 {
			t.Errorf("%d private-key operations, want 1", src.used)
		}
	case err != nil || hex.EncodeToString(out.Bytes()) != *v.Plaintext || res.Authenticated:
		t.Errorf("%x, %+v, %v; want %s", out.Bytes(), res, err, *v.Plaintext)
	}
}

// A block does not name its key: all of its size are tried, always.
func TestRSAKeysAreTried(t *testing.T) {
	a, b := testcert.RSA(t), testcert.RSA(t, testcert.Key("rsa2048b"))
	renewed := testcert.RSA(t, testcert.Key("rsa2048b"), testcert.Name("renewed"))
	large := testcert.RSA(t, testcert.Key("rsa3072"))
	src := &ring{pairs: []*testcert.Pair{large, a, b, renewed}}
	for _, to := range []*testcert.Pair{a, b} {
		src.used = 0
		block := &RSABlock{Ciphertext: sealRSA(t, to, []byte("the secret"))}
		secret, cert, err := block.Open(t.Context(), src)
		if err != nil || string(secret) != "the secret" || !cert.Equal(to.Cert) || src.used != 2 {
			t.Errorf("%q by %v, %v, %d operations; want 2", secret, cert.Subject, err, src.used)
		}
	}
	src.used = 0
	block := &RSABlock{Ciphertext: sealRSA(t, testcert.RSA(t, testcert.Key("rsa4096")), []byte("x"))}
	if _, _, err := block.Open(t.Context(), src); !errors.Is(err, ErrNoRecipient) || src.used != 0 {
		t.Errorf("%v, %d operations; want ErrNoRecipient, 0", err, src.used)
	}
	broken := errors.New("broken store")
	if _, _, err := block.Open(t.Context(), failing{broken}); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the source", err)
	}
}

// A block that two keys open is not for one of them more than for the other: what
// comes out may be what chance makes of the wrong key.
func TestRSABlockOfTwoKeys(t *testing.T) {
	a, b := testcert.RSA(t), testcert.RSA(t, testcert.Key("rsa2048b"))
	for _, opening := range [][]*testcert.Pair{{}, {a}, {b}, {a, b}} {
		block := &RSABlock{Ciphertext: make([]byte, 256)}
		secret, cert, err := block.Open(t.Context(), &easyRing{[]*testcert.Pair{a, b}, opening})
		if len(opening) == 1 {
			if err != nil || string(secret) != "by "+opening[0].Thumbprint().String() || !cert.Equal(opening[0].Cert) {
				t.Errorf("opened by one: %q, %v", secret, err)
			}
		} else if err != ErrDecrypt || secret != nil || cert == nil {
			t.Errorf("opened by %d: %q, %v; want ErrDecrypt", len(opening), secret, err)
		}
	}
}

// easyRing holds keys of which some open anything.
type easyRing struct{ pairs, opening []*testcert.Pair }

func (r *easyRing) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	for _, p := range r.pairs {
		if match(p.Cert) {
			return p.Cert, easyKey{p, slices.Contains(r.opening, p)}, nil
		}
	}
	return nil, nil, ErrNoRecipient
}

type easyKey struct {
	pair  *testcert.Pair
	opens bool
}

func (k easyKey) Public() crypto.PublicKey { return k.pair.Key.Public() }

func (k easyKey) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	if !k.opens {
		return nil, rsa.ErrDecryption
	}
	return []byte("by " + k.pair.Thumbprint().String()), nil
}

type failing struct{ err error }

func (f failing) PrivateKey(context.Context, func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	return nil, nil, f.err
}

func sealRSA(t testing.TB, to *testcert.Pair, secret []byte) []byte {
	t.Helper()
	//lint:ignore SA1019 the blocks that people have use it
	block, err := rsa.EncryptPKCS1v15(nil, to.Key.Public().(*rsa.PublicKey), secret)
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// Base64 of a block is told from CMS whatever its first bytes are.
func TestDetectRSABlock(t *testing.T) {
	for _, start := range []string{"", "\x30\x82\x01\x02", "\x30\x06", "\x30\x80\x01"} {
		for _, size := range []int{128, 256, 384, 512, 1024} {
			block := bytes.Repeat([]byte{0xc5}, size)
			copy(block, start)
			text := base64.StdEncoding.EncodeToString(block)
			form, r, err := open(bytes.NewReader([]byte(text+"\n")), 0)
			if start == "\x30\x06" { // a SEQUENCE that begins with an OID may be CMS
				if form != Base64 && form != RawRSA {
					t.Errorf("%x, %d bytes: %v", start, size, form)
				}
				continue
			}
			if err != nil || form != RawRSA {
				t.Errorf("%x, %d bytes: %v, %v; want raw RSA", start, size, form, err)
				continue
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, block) {
				t.Errorf("%x, %d bytes: %d bytes, %v", start, size, len(got), err)
			}
		}
	}
}

func TestRSABlockLimits(t *testing.T) {
	for name, b := range map[string]*RSABlock{
		"large":   {Ciphertext: make([]byte, maxRSABlock+1)},
		"label":   {RSAOptions: RSAOptions{Padding: OAEP, Label: make([]byte, maxRSALabel+1)}},
		"padding": {RSAOptions: RSAOptions{Padding: "none"}},
		"hash":    {RSAOptions: RSAOptions{Padding: OAEP, Hash: crypto.MD5}},
	} {
		_, _, err := b.Open(t.Context(), &ring{})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		checkErrorType(t, err)
		if _, err := b.MarshalBinary(); err == nil {
			t.Errorf("%s: marshalled", name)
		}
	}
	if _, err := ParseRSABlock(make([]byte, maxRSAJSON+1)); err == nil {
		t.Error("parsed a large block")
	}
}

// FuzzRSABlock: what parses marshals to the same, and any block does no harm.
func FuzzRSABlock(f *testing.F) {
	pair := testcert.RSA(f)
	for _, b := range []*RSABlock{
		{Ciphertext: sealRSA(f, pair, []byte("the secret"))},
		{RSAOptions{OAEP, crypto.SHA256, []byte("label")}, make([]byte, 256)},
	} {
		data, err := b.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseRSABlock(data)
		if err != nil {
			checkErrorType(t, err)
			return
		}
		first, err := b.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseRSABlock(first)
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second, err := again.MarshalBinary(); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s, then %s, %v", first, second, err)
		}
		src := &ring{pairs: []*testcert.Pair{pair}}
		if _, _, err := b.Open(t.Context(), src); err != nil {
			checkErrorType(t, err)
		}
	})
}
