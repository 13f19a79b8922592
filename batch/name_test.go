package batch

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestParseCertificateName(t *testing.T) {
	for _, text := range []string{"a", "Storage-Key_2.old", strings.Repeat("x", MaxNameLength), strings.Repeat("0", 39)} {
		if name, err := ParseCertificateName(text); err != nil || string(name) != text {
			t.Errorf("%q: got %q, %v", text, name, err)
		}
	}
	for _, text := range []string{"", " a", "a b", "a/b", "a\n", "ü", "a,b", "name=a", strings.Repeat("x", MaxNameLength+1), strings.Repeat("0A", 20), strings.Repeat("y", 5000)} {
		_, err := ParseCertificateName(text)
		if !errors.Is(err, ErrName) {
			t.Errorf("%q: got %v, want ErrName", clip(text, 50), err)
		} else if len(err.Error()) > 200 {
			t.Errorf("the error repeats %d bytes of outside text", len(err.Error()))
		}
	}
	if a, b := CertificateName("Storage.Key"), CertificateName("storage.KEY"); a.Key() != b.Key() {
		t.Error("names differ by letter case")
	}
}

// TestNameOnTheWire: what has no name says nothing of names.
func TestNameOnTheWire(t *testing.T) {
	for want, v := range map[string]any{
		`{"thumbprint":"0000000000000000000000000000000000000000","thumbprintAlgorithm":""}`:                               CertificateReference{},
		`{"thumbprint":"0000000000000000000000000000000000000000","thumbprintAlgorithm":"","poolcert:name":"a"}`:           CertificateReference{Name: "a"},
		`{"thumbprint":"0000000000000000000000000000000000000000","thumbprintAlgorithm":"sha1"}`:                           SetCurrent{ThumbprintAlgorithm: SHA1},
		`{"thumbprint":"0000000000000000000000000000000000000000","thumbprintAlgorithm":"","data":""}`:                     AddCertificate{},
		`{"thumbprint":"0000000000000000000000000000000000000000","thumbprintAlgorithm":"","data":"","poolcert:name":"a"}`: AddCertificate{Name: "a"},
	} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("got %s, %v\nwant %s", got, err, want)
		}
	}
}
