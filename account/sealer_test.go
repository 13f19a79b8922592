package account

import (
	"bytes"
	"crypto/cipher"
	"errors"
	"testing"

	"poolcert/batch"
)

// TestSealedFieldsStay: a sealed field opens where it was sealed, and nowhere else.
func TestSealedFieldsStay(t *testing.T) {
	s := &sealer{keys: map[int64]cipher.AEAD{1: newAEAD(make([]byte, 32))}, current: 1, counters: new(counters)}
	a, b := batch.Thumbprint{1}, batch.Thumbprint{2}
	home := certificatePlace("acme", a, dataField)
	sealed := s.seal(home, []byte("plain"))
	if plain, err := s.open(home, sealed); err != nil || !bytes.Equal(plain, []byte("plain")) {
		t.Errorf("at home: got %q, %v", plain, err)
	}
	for name, p := range map[string]place{
		"account":     certificatePlace("other", a, dataField),
		"certificate": certificatePlace("acme", b, dataField),
		"field":       certificatePlace("acme", a, passwordField),
		"neither":     {account: "acme", field: dataField},
		"shifted":     {account: "acm", thumbprint: "e" + a.String(), field: dataField},
	} {
		if _, err := s.open(p, sealed); !errors.Is(err, errSealed) {
			t.Errorf("another %s: got %v, want errSealed", name, err)
		}
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := s.open(home, altered); !errors.Is(err, errSealed) {
			t.Errorf("byte %d altered: got %v, want errSealed", i, err)
		}
	}
	if _, err := s.open(home, nil); !errors.Is(err, errSealed) {
		t.Errorf("empty: got %v, want errSealed", err)
	}
}
