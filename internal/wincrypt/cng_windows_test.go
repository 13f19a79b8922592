package wincrypt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"testing"

	"poolcert/internal/sddl"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
	"poolcert/internal/wincrypt"
)

// TestCNG has CNG keep keys and use them, without the ones in memory.
func TestCNG(t *testing.T) {
	testtool.SkipUnderWine(t, "no CNG keys that last: PFXImportCertStore refuses PKCS12_ALWAYS_CNG_KSP, NCryptOpenKey and NCryptDecrypt are stubs")
	c, err := wincrypt.System()
	if err != nil {
		t.Fatal(err)
	}
	account, err := c.Account()
	if err != nil {
		t.Fatal(err)
	}
	access := wincrypt.Access{Account: account, Readers: []sddl.SID{sddl.Users}}
	for _, at := range []wincrypt.Location{wincrypt.CurrentUser, wincrypt.LocalMachine} {
		for _, pair := range []*testcert.Pair{testcert.RSA(t), testcert.ECDSA(t), testcert.ECDSA(t, testcert.Key("p384"))} {
			container, err := wincrypt.Import(t.Context(), c, wincrypt.ImportRequest{Bundle: bundle(pair), At: at, Name: "poolcert-test", Access: access.SDDL()})
			if err != nil {
				t.Errorf("%v: %v", at, err)
				continue
			}
			if container.IsCSP() || container.Machine != (at == wincrypt.LocalMachine) {
				t.Errorf("%v: the key is at %+v", at, container)
			}
			if err := usesCNG(t, c, container, pair); err != nil {
				t.Errorf("%v, %T: %v", at, pair.Key, err)
			}
			key, err := c.OpenKey(container)
			if err != nil {
				t.Fatal(err)
			}
			grants, err := key.Access()
			if d := access.Difference(grants); err != nil || d != "" {
				t.Errorf("%v: who may use it: %s, %v", at, d, err)
			}
			if err := errors.Join(key.Close(), c.DeleteKey(container), c.DeleteKey(container)); err != nil {
				t.Error(err)
			}
			if _, err := c.OpenKey(container); !errors.Is(err, wincrypt.ErrNotFound) {
				t.Errorf("a deleted key: %v", err)
			}
		}
	}
}

func usesCNG(t *testing.T, c wincrypt.Calls, at wincrypt.Container, pair *testcert.Pair) error {
	t.Helper()
	key, err := wincrypt.NewPrivateKey(c, at, bundle(pair))
	if err != nil {
		return err
	}
	defer key.Close()
	if own, ok := pair.Key.(*ecdsa.PrivateKey); ok {
		private, err := own.ECDH()
		if err != nil {
			return err
		}
		peer, err := private.Curve().GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		want, err := private.ECDH(peer.PublicKey())
		if err != nil {
			return err
		}
		got, err := key.ECDH(peer.PublicKey())
		if err == nil && !bytes.Equal(got, want) {
			err = errors.New("another secret")
		}
		return err
	}
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA512} {
		label := []byte("label")
		sealed, err := rsa.EncryptOAEP(hash.New(), rand.Reader, &pair.RSAKey().PublicKey, label, label)
		if err != nil {
			return err
		}
		if got, err := key.Decrypt(rand.Reader, sealed, &rsa.OAEPOptions{Hash: hash, Label: label}); err != nil || !bytes.Equal(got, label) {
			return errors.Join(err, errors.New("OAEP with "+hash.String()))
		}
	}
	return nil
}

// TestCSP does so with an old provider, which Wine has, too.
func TestCSP(t *testing.T) {
	c, err := wincrypt.System()
	if err != nil {
		t.Fatal(err)
	}
	for _, exportable := range []bool{false, true} {
		pair := testcert.RSA(t)
		q := request(pair, wincrypt.LocalMachine)
		q.Name, q.Exportable = "poolcert-test-csp", exportable
		at, err := wincrypt.Import(t.Context(), noCNG{c}, q)
		if err != nil || !at.IsCSP() {
			t.Fatalf("%+v, %v", at, err)
		}
		if err := wincrypt.Try(c, at, bundle(pair)); err != nil {
			t.Error(err)
		}
		if err := wincrypt.Try(c, at, bundle(testcert.RSA(t, testcert.Key("rsa2048b")))); err == nil {
			t.Error("it is taken for another key")
		}
		if err := errors.Join(c.DeleteKey(at), c.DeleteKey(at)); err != nil {
			t.Error(err)
		}
		if _, err := c.OpenKey(at); !errors.Is(err, wincrypt.ErrNotFound) {
			t.Errorf("a deleted key: %v", err)
		}
	}
}

// noCNG is a Windows without it.
type noCNG struct{ wincrypt.Calls }

func (noCNG) ImportPFX(wincrypt.Container, []byte, string, uint32) (wincrypt.Container, error) {
	return wincrypt.Container{}, wincrypt.ErrUnsupported
}
