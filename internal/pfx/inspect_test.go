package pfx_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

func TestInspect(t *testing.T) {
	ca := testcert.CA(t)
	pair := testcert.RSA(t, testcert.IssuedBy(ca), testcert.Name("a\x1b[31mb"))
	info, err := pfx.Inspect(t.Context(), pair.PFX(sesame), sesame, pfx.Limits{})
	if err != nil || info.Problem != "" {
		t.Fatalf("got %v, %q", err, info.Problem)
	}
	if m := info.MAC; m == nil || m.Algorithm != "HMAC-SHA-256" || m.Rounds != 2048 || !m.Verified {
		t.Errorf("MAC: %+v", m)
	}
	if len(info.Certificates) != 2 || len(info.Keys) != 1 {
		t.Fatalf("got %d certificates and %d keys, want 2 and 1", len(info.Certificates), len(info.Keys))
	}
	c, k := info.Certificates[0], info.Keys[0]
	if c.SHA1 != pair.Thumbprint() || !c.HasKey || c.Algorithm != "RSA 2048" || !c.NotAfter.Equal(pair.Cert.NotAfter) ||
		c.Issuer != "CN=poolcert test CA" || strings.Contains(c.Subject, "\x1b") || len(c.SHA256) != 64 {
		t.Errorf("certificate: %+v", c)
	}
	if info.Certificates[1].HasKey {
		t.Error("the issuer's key is not in the file")
	}
	if k.Algorithm != "RSA 2048" || k.Rounds != 2048 || len(k.Certificates) != 1 || k.Certificates[0] != c.SHA1 ||
		k.Encryption != "PBES2, AES-256-CBC, PBKDF2-HMAC-SHA-256" {
		t.Errorf("key: %+v", k)
	}
	text, err := json.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), pair.Thumbprint().String()) || strings.Contains(string(text), sesame) {
		t.Errorf("JSON: %s", text)
	}
}

func TestInspectWrongPassword(t *testing.T) {
	info, err := pfx.Inspect(t.Context(), testcert.RSA(t).PFX(sesame), "another", pfx.Limits{})
	if !errors.Is(err, pfx.ErrPassword) || info == nil {
		t.Fatalf("got %+v, %v, want an Info and ErrPassword", info, err)
	}
	if info.Problem == "" || info.MAC.Verified || info.MAC.Rounds != 2048 {
		t.Errorf("got %+v", info)
	}
	if len(info.Parts) != 2 || info.Parts[0].Rounds != 2048 || info.Parts[0].Problem == "" {
		t.Errorf("parts: %+v", info.Parts)
	}
	if len(info.Keys) != 1 || info.Keys[0].Problem == "" || info.Keys[0].Encryption == "" {
		t.Errorf("keys: %+v", info.Keys)
	}
}

func TestInspectTooManyRounds(t *testing.T) {
	pair := testcert.RSA(t)
	data, err := pkcs12.Modern2023.WithIterations(20_000).Encode(pair.Key, pair.Cert, nil, sesame)
	if err != nil {
		t.Fatal(err)
	}
	info, err := pfx.Inspect(t.Context(), data, sesame, pfx.Limits{Rounds: 10_000})
	if _, ok := errors.AsType[*pfx.LimitError](err); !ok || info == nil {
		t.Fatalf("got %+v, %v, want an Info and a LimitError", info, err)
	}
	if info.MAC.Rounds != 20_000 || info.Keys[0].Rounds != 20_000 {
		t.Errorf("got %+v", info)
	}
}

func TestInspectNotPFX(t *testing.T) {
	info, err := pfx.Inspect(t.Context(), testcert.RSA(t).CertPEM(), sesame, pfx.Limits{})
	if !errors.Is(err, pfx.ErrDamaged) || info != nil {
		t.Errorf("got %+v, %v, want nil and ErrDamaged", info, err)
	}
}
