package testcert_test

import (
	"testing"

	"poolcert/internal/testcert"
)

func TestSameCertificateEachTime(t *testing.T) {
	const want = "86432079d2dce0d55e58ff283c36c7825bee3d7a"
	if got := testcert.RSA(t).Thumbprint().String(); got != want {
		t.Errorf("got thumbprint %s, want %s: other tests and vectors may rest on it", got, want)
	}
}

func TestIssued(t *testing.T) {
	ca := testcert.CA(t)
	for _, p := range []*testcert.Pair{
		testcert.RSA(t, testcert.Key("rsa4096"), testcert.IssuedBy(ca)),
		testcert.ECDSA(t, testcert.Key("p384"), testcert.IssuedBy(ca)),
	} {
		if err := p.Cert.CheckSignatureFrom(ca.Cert); err != nil {
			t.Error(err)
		}
	}
}
