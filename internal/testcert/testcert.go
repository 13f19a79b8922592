// Package testcert makes certificates with keys for the tests of all packages.
//
// Call [RSA] for a usual self-signed certificate with its key, [ECDSA] for the
// other kind, [CA] for an issuer. The keys are fixed files of this package: no
// test waits for an RSA key, and a failure repeats. They are public, so nothing
// but a test may use them.
package testcert

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/internal/pfx"
)

// A Pair is a certificate with its private key.
type Pair struct {
	Cert *x509.Certificate
	Key  crypto.Signer // *rsa.PrivateKey or *ecdsa.PrivateKey

	t      testing.TB
	issuer *Pair // nil when self-signed
}

// An Option changes how a certificate is made.
type Option func(*plan)

type plan struct {
	template x509.Certificate
	key      string
	issuer   *Pair
}

// Name sets the subject's common name; the default is "poolcert test". With the
// same key, different names give different certificates.
func Name(cn string) Option {
	return func(p *plan) { p.template.Subject = pkix.Name{CommonName: cn} }
}

// Key takes another one of the fixed keys: rsa2048a (the default of [RSA]),
// rsa2048b, rsa3072, rsa4096, p256 (the default of [ECDSA]), p384.
func Key(name string) Option { return func(p *plan) { p.key = name } }

// IssuedBy has the certificate signed by ca instead of its own key.
func IssuedBy(ca *Pair) Option { return func(p *plan) { p.issuer = ca } }

// Valid sets the time of validity; the default is 1990 to 2049, so that it holds
// in the clock of testing/synctest too.
func Valid(from, to time.Time) Option {
	return func(p *plan) { p.template.NotBefore, p.template.NotAfter = from, to }
}

// Serial sets the serial number; the default is 1.
func Serial(n int64) Option { return func(p *plan) { p.template.SerialNumber = big.NewInt(n) } }

// RSA returns a certificate with an RSA key of 2048 bits, or another one by [Key].
// It is the same certificate in each run, unless [IssuedBy] is given.
func RSA(t testing.TB, options ...Option) *Pair {
	t.Helper()
	p := newPlan("rsa2048a", options)
	p.template.KeyUsage = x509.KeyUsageKeyEncipherment | x509.KeyUsageDataEncipherment | x509.KeyUsageDigitalSignature
	return p.make(t)
}

// ECDSA returns a certificate with a P-256 key, or another one by [Key].
func ECDSA(t testing.TB, options ...Option) *Pair {
	t.Helper()
	p := newPlan("p256", options)
	p.template.KeyUsage = x509.KeyUsageKeyAgreement | x509.KeyUsageDigitalSignature
	return p.make(t)
}

// CA returns a certificate that may issue others.
func CA(t testing.TB, options ...Option) *Pair {
	t.Helper()
	p := newPlan("ca", append([]Option{Name("poolcert test CA")}, options...))
	p.template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	p.template.IsCA = true
	return p.make(t)
}

func newPlan(key string, options []Option) *plan {
	p := &plan{key: key, template: x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "poolcert test"},
		NotBefore:             time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:              time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		BasicConstraintsValid: true,
	}}
	for _, o := range options {
		o(p)
	}
	return p
}

func (p *plan) make(t testing.TB) *Pair {
	t.Helper()
	key := load(t, p.key)
	p.template.SubjectKeyId = keyID(t, key)
	pair := &Pair{Key: key, t: t, issuer: p.issuer}
	parent, signer := &p.template, key
	if p.issuer != nil {
		parent, signer = p.issuer.Cert, p.issuer.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, &p.template, parent, key.Public(), signer)
	if err != nil {
		t.Fatalf("make a test certificate: %v", err)
	}
	if pair.Cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatalf("make a test certificate: %v", err)
	}
	return pair
}

// PFX returns the pair, with its issuers, as a PKCS #12 file.
func (p *Pair) PFX(password string) []byte {
	p.t.Helper()
	data, err := pfx.Encode(&pfx.Bundle{Leaf: p.Cert, Key: p.Key, Chain: p.Chain()}, password)
	if err != nil {
		p.t.Fatalf("encode a test PFX: %v", err)
	}
	return data
}

// Chain returns the issuers, the nearest first.
func (p *Pair) Chain() []*x509.Certificate {
	var chain []*x509.Certificate
	for ca := p.issuer; ca != nil; ca = ca.issuer {
		chain = append(chain, ca.Cert)
	}
	return chain
}

// Thumbprint returns the certificate's thumbprint.
func (p *Pair) Thumbprint() batch.Thumbprint { return batch.ThumbprintOf(p.Cert) }

// CertPEM returns the certificate in PEM.
func (p *Pair) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Cert.Raw})
}

// KeyPEM returns the private key in PEM, as PKCS #8.
func (p *Pair) KeyPEM() []byte {
	p.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		p.t.Fatalf("encode a test key: %v", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// RSAKey returns the key, which must be an RSA key.
func (p *Pair) RSAKey() *rsa.PrivateKey {
	p.t.Helper()
	key, ok := p.Key.(*rsa.PrivateKey)
	if !ok {
		p.t.Fatalf("the test key is a %T, not an RSA key", p.Key)
	}
	return key
}

// keyID is set in all certificates, since CMS recipients may be named by it.
func keyID(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatalf("encode a test public key: %v", err)
	}
	id := sha1.Sum(der)
	return id[:]
}
