package pfx_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"poolcert/batch"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

func TestDecodeErrors(t *testing.T) {
	rsa, ec := testcert.RSA(t), testcert.ECDSA(t)
	data := rsa.PFX(sesame)
	encode := func(b *pfx.Bundle) []byte {
		out, err := pfx.Encode(b, sesame)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	trust, err := pkcs12.Modern2023.EncodeTrustStore(nil, sesame)
	if err != nil {
		t.Fatal(err)
	}
	trustOne, err := pkcs12.Modern2023.EncodeTrustStore(append(rsa.Chain(), rsa.Cert), sesame)
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), data...)
	flipped[len(flipped)/2] ^= 1
	for _, v := range []struct {
		name     string
		data     []byte
		password string
		want     error
		text     string
	}{
		{"wrong password", data, "sesame", pfx.ErrPassword, "wrong password"},
		{"empty password", data, "", pfx.ErrPassword, "wrong password"},
		{"flipped", flipped, sesame, pfx.ErrDamaged, "the password is right, but the MAC is not"},
		{"cut", data[:len(data)-1], sesame, pfx.ErrDamaged, "ends too early"},
		{"more", append(data[:len(data):len(data)], 0), sesame, pfx.ErrDamaged, "more data after its end"},
		{"empty", nil, sesame, pfx.ErrDamaged, "empty"},
		{"text", []byte("hello, world"), sesame, pfx.ErrDamaged, "not a PFX"},
		{"DER certificate", rsa.Cert.Raw, sesame, pfx.ErrDamaged, "certificate without a private key"},
		{"PEM certificate", rsa.CertPEM(), sesame, pfx.ErrDamaged, `PEM with a "CERTIFICATE"`},
		{"Java", []byte{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2}, sesame, pfx.ErrDamaged, "Java key store"},
		{"PEM key", rsa.KeyPEM(), sesame, pfx.ErrDamaged, `PEM with a "PRIVATE KEY"`},
		{"no key", trustOne, sesame, pfx.ErrNoKey, "no private key"},
		{"nothing", trust, sesame, pfx.ErrNoKey, "no private key"},
		{"mismatch", encode(&pfx.Bundle{Leaf: ec.Cert, Key: rsa.Key}), sesame, new(pfx.MismatchError), ec.Thumbprint().String()},
	} {
		t.Run(v.name, func(t *testing.T) {
			b, err := pfx.Decode(t.Context(), v.data, v.password, pfx.Options{})
			if b != nil {
				t.Error("got a bundle")
			}
			if _, ok := v.want.(*pfx.MismatchError); ok {
				if _, ok := errors.AsType[*pfx.MismatchError](err); !ok {
					t.Errorf("got %v, want a MismatchError", err)
				}
			} else if !errors.Is(err, v.want) {
				t.Errorf("got %v, want %v", err, v.want)
			}
			if err == nil || !strings.Contains(err.Error(), v.text) {
				t.Errorf("got %v, want a text with %q", err, v.text)
			}
			if err != nil && strings.Contains(err.Error(), sesame) {
				t.Error("the error holds the password")
			}
		})
	}
}

func TestDecodeThumbprint(t *testing.T) {
	rsa, ec := testcert.RSA(t), testcert.ECDSA(t)
	_, err := pfx.Decode(t.Context(), rsa.PFX(sesame), sesame, pfx.Options{Thumbprint: ec.Thumbprint()})
	e, ok := errors.AsType[*pfx.ThumbprintError](err)
	if !ok || e.Thumbprint != ec.Thumbprint() || len(e.Candidates) != 1 || !e.Candidates[0].Equal(rsa.Cert) {
		t.Errorf("got %v, want a ThumbprintError with one candidate", err)
	}
}

// One key with an old and a new certificate.
func TestDecodeOneKeyTwoCertificates(t *testing.T) {
	old, renewed := testcert.RSA(t), testcert.RSA(t, testcert.Serial(2))
	data, err := pfx.Encode(&pfx.Bundle{Leaf: old.Cert, Key: old.Key, Chain: append(renewed.Chain(), renewed.Cert)}, sesame)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*testcert.Pair{old, renewed} {
		if b := check(t, data, sesame, p); len(b.Warnings) != 0 {
			t.Errorf("got warnings %q, want none", b.Warnings)
		}
	}
	b, err := pfx.Decode(t.Context(), data, sesame, pfx.Options{})
	if err != nil || !b.Leaf.Equal(old.Cert) || !slices.Equal(b.Warnings, []pfx.Warning{pfx.FirstTaken}) {
		t.Errorf("got %+v, %v, want the first certificate and a warning", b, err)
	}
}

// makecert and others made negative serial numbers.
func TestDecodeNegativeSerial(t *testing.T) {
	b, err := pfx.Decode(t.Context(), readFile(t, "testdata/negative-serial.p12"), sesame, pfx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := big.NewInt(-5); b.Leaf.SerialNumber.Cmp(want) != 0 {
		t.Errorf("serial: got %v, want %v", b.Leaf.SerialNumber, want)
	}
}

func TestDecodeArmour(t *testing.T) {
	pair := testcert.RSA(t)
	data := pair.PFX(sesame)
	for name, text := range map[string][]byte{
		"PEM":          pem.EncodeToMemory(&pem.Block{Type: "PKCS12", Bytes: data}),
		"text and PEM": append([]byte("Issuer ...: x\n\n"), pem.EncodeToMemory(&pem.Block{Type: "PKCS12", Bytes: data})...),
		"base64":       []byte(base64.StdEncoding.EncodeToString(data) + "\r\n"),
	} {
		t.Run(name, func(t *testing.T) { check(t, text, sesame, pair) })
	}
}

func TestDecodeLimits(t *testing.T) {
	pair := testcert.RSA(t)
	data := pair.PFX(sesame) // 3 derivations of 2048 rounds
	for name, v := range map[string]struct {
		limits pfx.Limits
		ok     bool
	}{
		"size":     {pfx.Limits{Size: len(data) - 1}, false},
		"size ok":  {pfx.Limits{Size: len(data)}, true},
		"rounds":   {pfx.Limits{Rounds: 3*2048 - 1}, false},
		"rounds k": {pfx.Limits{Rounds: 3 * 2048}, true},
		"time":     {pfx.Limits{Time: time.Nanosecond}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pfx.Decode(t.Context(), data, sesame, pfx.Options{Limits: v.limits})
			if _, limited := errors.AsType[*pfx.LimitError](err); limited == v.ok || (err == nil) != v.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDecodeEndsWithContext(t *testing.T) {
	pair := testcert.RSA(t)
	data, err := pkcs12.Modern2023.WithIterations(1<<16).Encode(pair.Key, pair.Cert, nil, sesame)
	if err != nil {
		t.Fatal(err)
	}
	rounds := []byte{2, 3, 1, 0, 0} // of the MAC, at the file's end
	if !bytes.HasSuffix(data, rounds) {
		t.Fatalf("the file does not end with %x", rounds)
	}
	copy(data[len(data)-3:], []byte{0x7f, 0xff, 0xff}) // 8 million
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := pfx.Decode(ctx, data, sesame, pfx.Options{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
	if took := time.Since(began); took > time.Second/2 {
		t.Errorf("took %v to end", took)
	}
	_, err = pfx.Decode(t.Context(), data, sesame, pfx.Options{Limits: pfx.Limits{Time: time.Millisecond}})
	if _, ok := errors.AsType[*pfx.LimitError](err); !ok {
		t.Errorf("got %v, want a LimitError", err)
	}
}

func TestDecodeCER(t *testing.T) {
	one, two := testcert.RSA(t), testcert.ECDSA(t)
	for name, v := range map[string]struct {
		data []byte
		want error
	}{
		"DER":         {one.Cert.Raw, nil},
		"PEM":         {one.CertPEM(), nil},
		"key and PEM": {append(one.KeyPEM(), one.CertPEM()...), nil},
		"two":         {append(one.CertPEM(), two.CertPEM()...), pfx.ErrDamaged},
		"more":        {append(one.Cert.Raw[:len(one.Cert.Raw):len(one.Cert.Raw)], 0), pfx.ErrDamaged},
		"key":         {one.KeyPEM(), pfx.ErrNoCertificate},
		"empty":       {nil, pfx.ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			cert, err := pfx.DecodeCER(v.data)
			if !errors.Is(err, v.want) {
				t.Fatalf("got %v, want %v", err, v.want)
			}
			if err == nil && batch.ThumbprintOf(cert) != one.Thumbprint() {
				t.Errorf("another certificate: %v", cert.Subject)
			}
		})
	}
	_, err := pfx.DecodeCER(make([]byte, 2<<20))
	if _, ok := errors.AsType[*pfx.LimitError](err); !ok {
		t.Errorf("2 MiB: got %v, want a LimitError", err)
	}
}

func TestNormalize(t *testing.T) {
	pair := testcert.RSA(t, testcert.IssuedBy(testcert.CA(t)))
	old, err := pkcs12.LegacyRC2.Encode(pair.Key, pair.Cert, pair.Chain(), sesame)
	if err != nil {
		t.Fatal(err)
	}
	out, warnings, err := pfx.Normalize(t.Context(), old, sesame, "another", pfx.Options{})
	if err != nil || len(warnings) != 0 {
		t.Fatal(warnings, err)
	}
	if b := check(t, out, "another", pair); len(b.Chain) != 1 {
		t.Errorf("got a chain of %d, want 1", len(b.Chain))
	}
	info, err := pfx.Inspect(t.Context(), out, "another", pfx.Limits{})
	if err != nil || !strings.Contains(info.Keys[0].Encryption, "AES-256-CBC") {
		t.Errorf("got %+v, %v", info, err)
	}
}
