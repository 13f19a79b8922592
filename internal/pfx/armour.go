package pfx

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// unarmour returns the BER in data, which may be in PEM (GnuPG) or in base64
// without lines around (key vaults).
func unarmour(data []byte) ([]byte, error) {
	const sequence = 0x30
	switch {
	case len(data) == 0:
		return nil, fmt.Errorf("%w: it is empty", ErrDamaged)
	case data[0] == sequence:
		return data, nil
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return unPEM(data)
	}
	if bytes.HasPrefix(data, []byte{0xfe, 0xed, 0xfe, 0xed}) {
		return nil, fmt.Errorf("%w: it is a Java key store in the JKS form, not a PFX", ErrDamaged)
	}
	compact := bytes.Join(bytes.Fields(data), nil)
	if der, err := base64.StdEncoding.AppendDecode(nil, compact); err == nil && len(der) > 0 && der[0] == sequence {
		return der, nil
	}
	return nil, fmt.Errorf("%w: it is not a PFX", ErrDamaged)
}

func unPEM(data []byte) ([]byte, error) {
	block, _ := pem.Decode(data)
	switch {
	case block == nil:
		return nil, fmt.Errorf("%w: its PEM armour is not complete", ErrDamaged)
	case block.Type == "PKCS12" || block.Type == "PKCS #12" || block.Type == "PFX":
		return block.Bytes, nil
	}
	return nil, fmt.Errorf("%w: it is PEM with a %.40q, not a PFX", ErrDamaged, block.Type)
}

// recognise says what else people take for a PFX, or nothing.
func recognise(der cryptobyte.String) string {
	if _, err := x509.ParseCertificate(der); err == nil {
		return "a certificate without a private key"
	}
	var seq cryptobyte.String
	if !der.ReadASN1(&seq, asn1.SEQUENCE) {
		return ""
	}
	if seq.PeekASN1Tag(asn1.INTEGER) {
		var version int64
		if seq.ReadASN1Integer(&version) && version < 2 {
			return "a private key without a certificate"
		}
		return ""
	}
	switch oid, _ := readOID(&seq); oid {
	case oidSignedData:
		return "a PKCS #7 file of certificates"
	case oidData, oidEnvelopedData, oidEncryptedData, oidAuthEnvelopedData:
		return "a CMS message"
	}
	return ""
}
