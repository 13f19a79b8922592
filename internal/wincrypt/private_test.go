package wincrypt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"testing"

	"poolcert/internal/testcert"
	"poolcert/internal/wincrypt"
	"poolcert/internal/wincrypt/wincrypttest"
)

// imported returns a key that Windows keeps.
func imported(t *testing.T, w *wincrypttest.Windows, p *testcert.Pair) *wincrypt.PrivateKey {
	t.Helper()
	at, err := wincrypt.Import(t.Context(), w, request(p, wincrypt.LocalMachine))
	if err != nil {
		t.Fatal(err)
	}
	key, err := wincrypt.NewPrivateKey(w, at, bundle(p))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { key.Close() })
	return key
}

func TestDecrypt(t *testing.T) {
	pair := testcert.RSA(t)
	public := &pair.RSAKey().PublicKey
	for _, noCNG := range []bool{false, true} {
		w := wincrypttest.New()
		w.NoCNG = noCNG
		key := imported(t, w, pair)
		uses := 0
		w.Fail = func(call string) error {
			if call == "Decrypt" {
				uses++
			}
			return nil
		}
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			for _, label := range [][]byte{nil, []byte("label")} {
				uses = 0
				sealed, err := rsa.EncryptOAEP(hash.New(), rand.Reader, public, []byte("secret"), label)
				if err != nil {
					t.Fatal(err)
				}
				got, err := key.Decrypt(rand.Reader, sealed, &rsa.OAEPOptions{Hash: hash, Label: label})
				if err != nil || string(got) != "secret" {
					t.Errorf("CSP %v, OAEP with %v, label %q: %q, %v", noCNG, hash, label, got, err)
				}
				// An old provider knows SHA-1 without a label.
				if byWindows := !noCNG || hash == crypto.SHA1 && label == nil; byWindows != (uses == 1) {
					t.Errorf("CSP %v, OAEP with %v, label %q: Windows was asked %d times", noCNG, hash, label, uses)
				}
			}
		}
		//lint:ignore SA1019 it is what we test
		sealed, err := rsa.EncryptPKCS1v15(rand.Reader, public, []byte("0123456789abcdef"))
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(sealed)
		//lint:ignore SA1019 it is what we test
		for _, opts := range []crypto.DecrypterOpts{nil, &rsa.PKCS1v15DecryptOptions{}, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 16}} {
			if got, err := key.Decrypt(rand.Reader, sealed, opts); err != nil || string(got) != "0123456789abcdef" {
				t.Errorf("CSP %v, %+v: %q, %v", noCNG, opts, got, err)
			}
		}
		if !bytes.Equal(sealed, before) {
			t.Error("the ciphertext was changed")
		}
	}
}

// What is not padded well, or is of another length, gives what random has, and no error.
func TestDecryptIsNoOracle(t *testing.T) {
	pair := testcert.RSA(t)
	substitute := bytes.Repeat([]byte{0x5a}, 32)
	for _, noCNG := range []bool{false, true} {
		w := wincrypttest.New()
		w.NoCNG = noCNG
		key := imported(t, w, pair)
		//lint:ignore SA1019 it is what we test
		short, err := rsa.EncryptPKCS1v15(rand.Reader, &pair.RSAKey().PublicKey, []byte("short"))
		if err != nil {
			t.Fatal(err)
		}
		noise := make([]byte, len(short))
		rand.Read(noise[1:])
		for name, ciphertext := range map[string][]byte{"another length": short, "bad padding": noise} {
			//lint:ignore SA1019 it is what we test
			got, err := key.Decrypt(io.MultiReader(bytes.NewReader(substitute), rand.Reader), ciphertext, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 32})
			if err != nil || !bytes.Equal(got, substitute) {
				t.Errorf("CSP %v, %s: %x, %v", noCNG, name, got, err)
			}
		}
		if _, err := key.Decrypt(rand.Reader, noise, nil); !errors.Is(err, wincrypt.ErrData) {
			t.Errorf("CSP %v: bad padding without a length: %v", noCNG, err)
		}
		if _, err := key.Decrypt(rand.Reader, noise[1:], nil); !errors.Is(err, wincrypt.ErrData) {
			t.Errorf("CSP %v: a ciphertext of another size: %v", noCNG, err)
		}
	}
}

// agreed makes a key, and says on which secret it agrees with that of pair.
func agreed(t *testing.T, pair *testcert.Pair) (peer *ecdh.PublicKey, secret []byte) {
	t.Helper()
	own, err := pair.Key.(*ecdsa.PrivateKey).ECDH()
	if err != nil {
		t.Fatal(err)
	}
	key, err := own.Curve().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if secret, err = own.ECDH(key.PublicKey()); err != nil {
		t.Fatal(err)
	}
	return key.PublicKey(), secret
}

// An elliptic key for signatures is taken, and its agreements are made without Windows.
func TestECDHOfASigningKey(t *testing.T) {
	pair := testcert.ECDSA(t)
	w := wincrypttest.New()
	w.Fail = func(call string) error {
		if call == "Agree" {
			return &wincrypt.Error{Call: "NCryptSecretAgreement", Code: 0x80090029}
		}
		return nil
	}
	key := imported(t, w, pair)
	peer, want := agreed(t, pair)
	if got, err := key.ECDH(peer); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%x, %v", got, err)
	}
	w.Fail = func(string) error { return &wincrypt.Error{Call: "NCryptSecretAgreement", Code: 0x80090020} }
	if _, err := key.ECDH(peer); err == nil {
		t.Error("another failure is hidden")
	}
}

func TestECDH(t *testing.T) {
	for _, name := range []string{"p256", "p384"} {
		pair := testcert.ECDSA(t, testcert.Key(name))
		w := wincrypttest.New()
		key := imported(t, w, pair)
		for range 600 { // one in 256 begins with a zero
			peer, want := agreed(t, pair)
			if got, err := key.ECDH(peer); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %x, %v; want %x", name, got, err, want)
			}
		}
		other, err := ecdh.P521().GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.ECDH(other.PublicKey()); !errors.Is(err, wincrypt.ErrData) {
			t.Errorf("a key of another curve: %v", err)
		}
		if _, err := key.Decrypt(rand.Reader, make([]byte, 256), nil); !errors.Is(err, wincrypt.ErrUnsupported) {
			t.Errorf("Decrypt: %v", err)
		}
	}
}

func TestClose(t *testing.T) {
	w := wincrypttest.New()
	w.NoCNG = true
	for _, pair := range []*testcert.Pair{testcert.RSA(t)} {
		key := imported(t, w, pair)
		if err := errors.Join(key.Close(), key.Close()); err != nil {
			t.Error(err)
		}
		//lint:ignore SA1019 it is what we test
		for _, opts := range []crypto.DecrypterOpts{nil, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 16}, &rsa.OAEPOptions{Hash: crypto.SHA512}} {
			if _, err := key.Decrypt(rand.Reader, make([]byte, 256), opts); !errors.Is(err, wincrypt.ErrClosed) {
				t.Errorf("%T after Close: %v", opts, err)
			}
		}
		if w.OpenHandles() != 0 {
			t.Errorf("%d handles are open", w.OpenHandles())
		}
	}
}

// The secret of substitutes is the same wherever the key is, and another one for
// another key.
func TestSubstituteSecret(t *testing.T) {
	w := wincrypttest.New()
	one, other := testcert.RSA(t), testcert.RSA(t, testcert.Key("rsa2048b"))
	secret := imported(t, w, one).SubstituteSecret()
	lost, err := wincrypt.InMemory(bundle(one))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(secret, lost.SubstituteSecret()) || len(secret) != 32 {
		t.Error("the secret changes with the place")
	}
	if bytes.Equal(secret, imported(t, w, other).SubstituteSecret()) {
		t.Error("two keys have one secret")
	}
	//lint:ignore SA1019 it is what we test
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, &one.RSAKey().PublicKey, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := lost.Decrypt(rand.Reader, sealed, nil); err != nil || string(got) != "secret" {
		t.Errorf("in memory: %q, %v", got, err)
	}
}
