package main

import (
	"bytes"
	"strings"
	"testing"

	"poolcert/decrypt"
	"poolcert/internal/cli"
)

func TestIsAnybody(t *testing.T) {
	for _, test := range []struct {
		name string
		r    decrypt.Recipient
		want bool
	}{
		{"RSA block", decrypt.Recipient{Kind: "key transport"}, true},
		{"a key id of the sender", decrypt.Recipient{Kind: "key transport", KeyID: "my key"}, true},
		{"elliptic", decrypt.Recipient{Kind: "key agreement"}, true},
		{"issuer without a name", decrypt.Recipient{Kind: "key transport", SerialNumber: "1"}, false},
		{"key identifier", decrypt.Recipient{Kind: "key agreement", SubjectKeyID: "01"}, false},
		{"thumbprint", decrypt.Recipient{Kind: "key transport", KeyID: "my key", Thumbprint: "01"}, false},
		{"SHA-256", decrypt.Recipient{Kind: "key transport", SHA256: "01"}, false},
		{"password", decrypt.Recipient{Kind: "password"}, false},
		{"symmetric key", decrypt.Recipient{Kind: "symmetric key"}, false},
		{"other", decrypt.Recipient{Kind: "other"}, false},
	} {
		if got := isAnybody(test.r); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestExplainBinding(t *testing.T) {
	for bound, want := range map[string]struct {
		said string
		code int
	}{
		"pool=render,job=12":          {"is bound to pool=render,job=12: elsewhere", 0},
		"not-after=2100-01-01":        {"is bound to not-after=2100-01-01: elsewhere", 0},
		"pool=a,not-after=2020-01-01": {"", cli.ExitNotAllowed},
		"unknown":                     {"is bound in a way that this version does not know", 0}, // of decrypt.Inspect
	} {
		var out bytes.Buffer
		e := explanation{w: &out}
		err := e.bound(&decrypt.Info{Recipients: []decrypt.Recipient{{}, {BoundTo: bound}}})
		if !strings.Contains(out.String(), want.said) || (want.said == "") != (out.Len() == 0) || cli.Code(err) != want.code {
			t.Errorf("%s: said %q, error %v", bound, out.String(), err)
		}
	}
}
