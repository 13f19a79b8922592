package testcert

import (
	"crypto"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"sync"
	"testing"
)

//go:embed keys/*.pem
var keyFiles embed.FS

var loaded sync.Map // name to crypto.Signer: parsing a large RSA key takes time

func load(t testing.TB, name string) crypto.Signer {
	t.Helper()
	if key, ok := loaded.Load(name); ok {
		return key.(crypto.Signer)
	}
	data, err := keyFiles.ReadFile("keys/" + name + ".pem")
	if err != nil {
		t.Fatalf("no test key %q: %v", name, err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("test key %q is not PEM", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatalf("test key %q: %v", name, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		t.Fatalf("test key %q is a %T, which does not sign", name, key)
	}
	loaded.Store(name, signer)
	return signer
}
