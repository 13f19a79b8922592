package cms

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	encasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

func (e *writer) recipientInfo(cert *x509.Certificate, cek []byte, opts Options) ([]byte, error) {
	if pub, ok := cert.PublicKey.(*rsa.PublicKey); ok {
		return keyTransport(cert, pub, cek, opts)
	}
	if pub := ecdhPublicKey(cert); pub != nil {
		if opts.Compat {
			e.version = 2 // RFC 5652, section 6.1; that of AuthEnvelopedData stays 0
		}
		return agreedKey(cert, pub, cek, opts.Label)
	}
	name := "of unknown algorithm or curve"
	if cert.PublicKey != nil {
		name = cert.PublicKeyAlgorithm.String()
	}
	return nil, &UnsupportedError{"public key of recipient", name}
}

// keyTransport makes a KeyTransRecipientInfo for cert.
func keyTransport(cert *x509.Certificate, pub *rsa.PublicKey, cek []byte, opts Options) ([]byte, error) {
	var wrapped []byte
	var err error
	if opts.Compat {
		//lint:ignore SA1019 old readers know nothing else
		wrapped, err = rsa.EncryptPKCS1v15(rand.Reader, pub, cek)
	} else {
		wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, pub, cek, opts.Label)
	}
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		addIssuerAndSerial(b, cert)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			if opts.Compat {
				b.AddASN1ObjectIdentifier(oidRSA)
				b.AddASN1NULL()
			} else {
				b.AddASN1ObjectIdentifier(oidOAEP)
				appendOAEP(b, opts.Label)
			}
		})
		b.AddASN1OctetString(wrapped)
	})
	return b.Bytes()
}

func addIssuerAndSerial(b *cryptobyte.Builder, cert *x509.Certificate) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(cert.RawIssuer)
		b.AddASN1BigInt(cert.SerialNumber)
	})
}

// agreedKey makes a KeyAgreeRecipientInfo for cert alone, with an ephemeral key
// of its own.
func agreedKey(cert *x509.Certificate, pub *ecdh.PublicKey, cek, ukm []byte) ([]byte, error) {
	ephemeral, err := pub.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := ephemeral.ECDH(pub)
	if err != nil {
		return nil, err
	}
	scheme, wrap := schemeFor(pub.Curve()), aesWraps[len(aesWraps)-1]
	wrapDER, err := encasn1.Marshal(pkix.AlgorithmIdentifier{Algorithm: wrap.oid})
	if err != nil {
		return nil, err
	}
	info, err := sharedInfo(wrapDER, ukm, wrap.keySize)
	if err != nil {
		return nil, err
	}
	kek, err := scheme.derive(secret, ukm, info, wrap.keySize)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	wrapped, err := wrapKey(kek, cek)
	if err != nil {
		return nil, err
	}
	// An OriginatorPublicKey is a SubjectPublicKeyInfo with another tag.
	spki, err := x509.MarshalPKIXPublicKey(ephemeral.PublicKey())
	if err != nil {
		return nil, err
	}
	var originator cryptobyte.String
	if s := cryptobyte.String(spki); !s.ReadASN1(&originator, asn1.SEQUENCE) {
		return nil, malformed("SubjectPublicKeyInfo")
	}

	var b cryptobyte.Builder
	b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddBytes(originator) })
		})
		if ukm != nil {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { b.AddASN1OctetString(ukm) })
		}
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(scheme.oid)
			b.AddBytes(wrapDER)
		})
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addIssuerAndSerial(b, cert)
				b.AddASN1OctetString(wrapped)
			})
		})
	})
	return b.Bytes()
}
