package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"testing"
)

// A label is a part of the key's encryption, for each kind of key; openssl knows
// it, too. Changed or taken away, the content key does not open.
func TestLabel(t *testing.T) {
	label := []byte("the label")
	of := bob(t)
	for _, id := range []*pair{{of.cert, of.key}, newECIdentity(t, "P-256"), newECIdentity(t, "X25519")} {
		content := pattern(1000)
		message := sealTo(t, content, Options{Label: label}, alice(t).cert, id.cert)
		if got, err := open(id, message); err != nil || !bytes.Equal(got, content) {
			t.Errorf("open: %d bytes, error %v", len(got), err)
		}
		m := header(t, message)
		for i := range m.Recipients {
			if got := m.Recipients[i].Label(); !bytes.Equal(got, label) {
				t.Errorf("label %q, want %q", got, label)
			}
		}
		if n := bytes.Count(message, label); n != 2 {
			t.Fatalf("the label is there %d times, want 2", n)
		}
		if _, err := open(id, bytes.ReplaceAll(message, label, []byte("the lapel"))); !errors.Is(err, ErrDecrypt) {
			t.Errorf("with another label: error %v, want ErrDecrypt", err)
		}
		without := sealTo(t, content, Options{}, id.cert)
		if w, err := ReadHeader(bytes.NewReader(without)); err != nil || w.Recipients[0].Label() != nil {
			t.Errorf("a label without one, error %v", err)
		}
	}
}

func TestOpenSSLKnowsLabels(t *testing.T) {
	type saved interface {
		save(t testing.TB, dir string) (cert, key string)
	}
	of, p256, p521 := bob(t), newECIdentity(t, "P-256"), newECIdentity(t, "P-521")
	for id, to := range map[saved]*x509.Certificate{of: of.cert, p256: p256.cert, p521: p521.cert} {
		cert, key := id.save(t, t.TempDir())
		content := pattern(1000)
		wantOpenSSLOpens(t, sealTo(t, content, Options{Label: []byte("the label")}, to), cert, key, content)
	}
}

func TestLabelRefuses(t *testing.T) {
	to := []*x509.Certificate{alice(t).cert}
	if _, err := NewWriter(nil, to, Options{Compat: true, Label: []byte("x")}); err == nil {
		t.Error("PKCS #1 v1.5 took a label")
	}
	if _, err := NewWriter(nil, to, Options{Label: make([]byte, maxLabel+1)}); err == nil {
		t.Error("a long label was taken")
	}
}
