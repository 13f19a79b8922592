// Package cmstest makes messages for the tests of packages that open them.
package cmstest

import (
	"bytes"
	"crypto/x509"
	"testing"

	"poolcert/decrypt/cms"
)

// Seal returns content in a message to certificates.
func Seal[T string | []byte](t testing.TB, content T, opts cms.Options, to ...*x509.Certificate) []byte {
	t.Helper()
	var message bytes.Buffer
	w, err := cms.NewWriter(&message, to, opts)
	if err == nil {
		_, err = w.Write([]byte(content))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return message.Bytes()
}
