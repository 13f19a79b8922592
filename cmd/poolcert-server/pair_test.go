package main

import (
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"poolcert/account"
)

// A pair is a certificate and key in PEM, for localhost.
type pair struct {
	cert, key []byte
	serial    *big.Int
	ca        *x509.Certificate
}

func newPair(t *testing.T) pair {
	t.Helper()
	ca, err := account.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.IssueServer([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return pair{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), cert.Leaf.SerialNumber, ca.Certificate(),
	}
}

// write puts a pair into a folder, as cert.pem and key.pem.
func (p pair) write(t *testing.T, dir string) {
	t.Helper()
	put(t, os.MkdirAll(dir, 0o700))
	put(t, os.WriteFile(filepath.Join(dir, "cert.pem"), p.cert, 0o600))
	put(t, os.WriteFile(filepath.Join(dir, "key.pem"), p.key, 0o600))
}

func put(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
