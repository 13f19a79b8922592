package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"testing"

	"poolcert/internal/testcert"
)

// A keyring has the keys of several sources.
type keyring []KeySource

func (k keyring) PrivateKey(ctx context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	for _, src := range k {
		if cert, key, err := src.PrivateKey(ctx, match); err == nil {
			return cert, key, nil
		}
	}
	return nil, nil, ErrNoRecipient
}

// carol has a fixed EC key.
func carol(t testing.TB) *pair {
	p := testcert.ECDSA(t, testcert.Name("carol"))
	return &pair{p.Cert, p.Key}
}

// messages returns small messages of all shapes, to alice or to carol.
func messages(t testing.TB, content []byte) [][]byte {
	var all [][]byte
	for _, opts := range []Options{{}, {Compat: true}} {
		der := seal(t, content, opts, bob(t), alice(t))
		all = append(all, der, toBER(t, der))
	}
	for _, seal := range sequentialSealers {
		all = append(all, seal(t, content), toBER(t, seal(t, content, attributeA)))
	}
	agreed := sealTo(t, content, Options{}, carol(t).cert, bob(t).cert)
	all = append(all, agreed, toBER(t, agreed))
	return append(all, authenticatedAttributes(t, content, 12, 12, attributeA, attributeB))
}

// FuzzMessage: whatever their keys open as authenticated is what was sealed
// for them, and no content is longer than its message.
func FuzzMessage(f *testing.F) {
	content := []byte("the secret that they got")
	for _, message := range messages(f, content) {
		f.Add(message)
		f.Add(message[:len(message)/2])
	}
	id := keyring{alice(f), carol(f)}
	f.Fuzz(func(t *testing.T, message []byte) {
		m, err := ReadHeader(bytes.NewReader(message))
		if err != nil {
			var unsupported *UnsupportedError
			if !isMalformed(err) && !errors.As(err, &unsupported) {
				t.Errorf("ReadHeader: %T %v", err, err)
			}
			return
		}
		cek, err := Keys(id).Unwrap(t.Context(), m.WrappedKey())
		if err != nil {
			cek = pattern(m.ContentAlgorithm.KeySize)
		}
		ours := err == nil
		var out bytes.Buffer
		err = m.Decrypt(t.Context(), &out, cek)
		var unsupported *UnsupportedError
		if err != nil && err != ErrDecrypt && !errors.As(err, &unsupported) {
			t.Errorf("Decrypt: %T %v", err, err)
		}
		if out.Len() > len(message) {
			t.Errorf("%d bytes of content in a message of %d", out.Len(), len(message))
		}
		if err == nil && ours && m.Authenticated() && !bytes.Equal(out.Bytes(), content) {
			t.Errorf("authenticated content %q", out.Bytes())
		}
	})
}

// FuzzWrappedKey: what parses has one form.
func FuzzWrappedKey(f *testing.F) {
	for _, message := range messages(f, nil) {
		m := header(f, message)
		data, err := m.WrappedKey().MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := ParseWrappedKey(data)
		if err != nil {
			return
		}
		again, err := w.MarshalBinary()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%x, %v; want %x", again, err, data)
		}
	})
}

func TestWrappedKey(t *testing.T) {
	content := pattern(50)
	for i, message := range messages(t, content) {
		m := header(t, message)
		data, err := m.WrappedKey().MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		w, err := ParseWrappedKey(data)
		if err != nil {
			t.Fatal(err)
		}
		cek, _, err := w.Unwrap(t.Context(), keyring{alice(t), carol(t)})
		if err != nil {
			t.Fatalf("message %d: Unwrap: %v", i, err)
		}
		var out bytes.Buffer
		if err := m.Decrypt(t.Context(), &out, cek); err != nil || !bytes.Equal(out.Bytes(), content) {
			t.Errorf("message %d: %d bytes, %v", i, out.Len(), err)
		}
		for n := range data {
			if _, err := ParseWrappedKey(data[:n]); err == nil {
				t.Errorf("message %d cut after %d parses", i, n)
			}
		}
		if _, err := ParseWrappedKey(append(data, 0)); err == nil {
			t.Errorf("message %d with a byte more parses", i)
		}
	}
	if _, err := ParseWrappedKey(make([]byte, maxWrappedKey+1)); !isMalformed(err) {
		t.Errorf("huge: %v, want a LimitError", err)
	}
}
