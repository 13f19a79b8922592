package local_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"poolcert/decrypt"
	"poolcert/decrypt/binding"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/testcert"
)

// A bound message opens where its binding holds, and nobody takes the binding away.
func TestBoundMessages(t *testing.T) {
	a, ec := testcert.RSA(t), testcert.ECDSA(t)
	s := serve(t, keyring{a, ec}, func(c *local.Config) { c.Pool = func() string { return "render" } })
	soon := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, test := range []struct {
		binding string
		opens   bool
	}{
		{"pool=render,not-after=" + soon, true},
		{"pool=other", false},
		{"not-after=2026-01-01", false},
		{"job=1", false}, // the test is of no job
	} {
		b, err := binding.Parse(test.binding)
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []*testcert.Pair{a, ec} {
			message := seal(t, []byte(secret), cms.Options{Label: b.Label()}, to)
			for name, open := range ways {
				got, err := open(t.Context(), s.client, message)
				use := <-s.audit
				if test.opens && (err != nil || string(got) != secret) {
					t.Errorf("%s, %s: got %q, error %v", test.binding, name, got, err)
				} else if !test.opens && (!errors.Is(err, binding.ErrBound) || len(got) > 0 || use.Result != "bound") {
					t.Errorf("%s, %s: got %q, error %v, audit record %+v; want ErrBound", test.binding, name, got, err, use)
				}
				// The same length, so that the message stays well formed.
				if test.binding == "pool=other" {
					stripped := bytes.ReplaceAll(message, b.Label(), bytes.Repeat([]byte("x"), len(b.Label())))
					if got, err := open(t.Context(), s.client, stripped); !errors.Is(err, cms.ErrDecrypt) {
						t.Errorf("%s without its binding, %s: got %q, error %v, want ErrDecrypt", test.binding, name, got, err)
					}
					<-s.audit
					allowed := bytes.ReplaceAll(message, []byte("pool=other"), []byte("pool=rende"))
					if _, err := open(t.Context(), s.client, allowed); !errors.Is(err, binding.ErrBound) {
						t.Errorf("%s with another, %s: error %v, want ErrBound", test.binding, name, err)
					}
					<-s.audit
				}
			}
		}
	}
}

// The encrypted key of a bound message is a raw RSA block with a label, too.
func TestBoundBlock(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a}, func(c *local.Config) { c.Pool = func() string { return "render" } })
	b := &binding.Binding{Pool: "other"}
	message := seal(t, []byte(secret), cms.Options{Label: b.Label()}, a)
	// The encrypted key is an OCTET STRING of 256 bytes.
	i := bytes.Index(message, []byte{4, 0x82, 1, 0})
	block := &decrypt.RSABlock{Ciphertext: message[i+4 : i+4+256]}
	block.Padding, block.Hash = decrypt.OAEP, 5 // SHA-256
	for _, test := range []struct {
		label []byte
		want  error
	}{{b.Label(), binding.ErrBound}, {nil, decrypt.ErrDecrypt}} {
		block.Label = test.label
		if cek, err := s.client.OpenRSA(t.Context(), block); !errors.Is(err, test.want) {
			t.Errorf("label %q: got %d bytes, error %v, want %v", test.label, len(cek), err, test.want)
		}
	}
	// It is the one: with the key in hand, it opens.
	block.Label = b.Label()
	if cek, _, err := block.Open(t.Context(), keyring{a}); err != nil || len(cek) != 32 {
		t.Errorf("with the key: %d bytes, error %v", len(cek), err)
	}
}
