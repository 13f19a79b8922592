package member

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"poolcert/internal/dpapi"
	"poolcert/internal/dpapi/dpapitest"
	"poolcert/internal/testcert"
)

// A sealed identity opens on its own computer, as the node that it is, and holds no key
// in the clear.
func TestIdentitySealed(t *testing.T) {
	id := newTestIdentity(t)
	m := dpapitest.New(t)
	data, err := id.marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	clear, err := id.marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte(`"keys"`)) || !bytes.Contains(clear, []byte(`"keys"`)) || bytes.Contains(clear, []byte(`"sealedKeys"`)) {
		t.Errorf("sealed: %.200s, clear: %.200s", data, clear)
	}
	for name, data := range map[string][]byte{"sealed": data, "clear": clear} {
		got, err := parseIdentity(data, m)
		if err != nil || !got.keys.tls.Equal(id.keys.tls) || got.Node != id.Node {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Elsewhere, or as another node, it does not.
	var j map[string]any
	if err := json.Unmarshal(data, &j); err != nil {
		t.Fatal(err)
	}
	j["node"] = "another"
	other, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseIdentity(data, dpapitest.New(t)); !errors.Is(err, dpapi.ErrSealed) {
		t.Errorf("on another computer: %v", err)
	}
	if _, err := parseIdentity(other, m); !errors.Is(err, dpapi.ErrSealed) {
		t.Errorf("as another node: %v", err)
	}
	if _, err := parseIdentity(data, nil); !errors.Is(err, dpapi.ErrUnsupported) {
		t.Errorf("on another system: %v", err)
	}
	delete(j, "sealedKeys")
	none, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseIdentity(none, m); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("without keys: %v", err)
	}
}

// newTestIdentity returns an identity with a certificate by a CA of its own.
func newTestIdentity(t *testing.T) *Identity {
	t.Helper()
	keys, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	ca := testcert.CA(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Cert, keys.tls.Public(), ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Identity{"https://server:1", "a", "p", "n", cert, ca.Cert, keys}
}
