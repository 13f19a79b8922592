package cms

import (
	"crypto"
	"crypto/rsa"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// parseOAEP parses RSAES-OAEP-params (RFC 4055, section 4.1). Absent ones mean
// SHA-1, MGF1 with SHA-1, and an empty label.
func parseOAEP(params cryptobyte.String) (*rsa.OAEPOptions, error) {
	opts := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	if isNull(params) {
		return opts, nil
	}
	var seq cryptobyte.String
	if !params.ReadASN1(&seq, asn1.SEQUENCE) || !params.Empty() {
		return nil, malformed("RSAES-OAEP-params")
	}
	fields := []func(*cryptobyte.String) error{
		func(s *cryptobyte.String) (err error) { opts.Hash, err = readHash(s); return err },
		func(s *cryptobyte.String) (err error) { opts.MGFHash, err = readMGF1(s); return err },
		func(s *cryptobyte.String) (err error) { opts.Label, err = readLabel(s); return err },
	}
	for i, read := range fields {
		var field cryptobyte.String
		var present bool
		if !seq.ReadOptionalASN1(&field, &present, explicit(i)) {
			return nil, malformed("RSAES-OAEP-params")
		}
		if !present {
			continue
		}
		if err := read(&field); err != nil {
			return nil, err
		}
		if !field.Empty() {
			return nil, malformed("end of RSAES-OAEP-params field")
		}
	}
	if !seq.Empty() {
		return nil, malformed("end of RSAES-OAEP-params")
	}
	return opts, nil
}

func readMGF1(s *cryptobyte.String) (crypto.Hash, error) {
	oid, params, ok := readAlgorithm(s)
	if !ok {
		return 0, malformed("mask generation AlgorithmIdentifier")
	}
	if !oid.Equal(oidMGF1) {
		return 0, &UnsupportedError{"OAEP mask generation function", oid.String()}
	}
	if params.Empty() {
		return crypto.SHA1, nil
	}
	h, err := readHash(&params)
	if err == nil && !params.Empty() {
		err = malformed("end of mask generation parameters")
	}
	return h, err
}

func readLabel(s *cryptobyte.String) ([]byte, error) {
	oid, params, ok := readAlgorithm(s)
	if !ok {
		return nil, malformed("pSourceAlgorithm")
	}
	if !oid.Equal(oidPSpecified) {
		return nil, &UnsupportedError{"OAEP label source", oid.String()}
	}
	var label cryptobyte.String
	if params.Empty() {
		return nil, nil
	}
	if !params.ReadASN1(&label, asn1.OCTET_STRING) || !params.Empty() {
		return nil, malformed("OAEP label")
	}
	return label, nil
}

// appendOAEP writes the parameters that NewWriter uses: SHA-256 for both.
func appendOAEP(b *cryptobyte.Builder, label []byte) {
	sha256 := func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidSHA256)
			b.AddASN1NULL()
		})
	}
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(explicit(0), sha256)
		b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidMGF1)
				sha256(b)
			})
		})
		if len(label) > 0 {
			b.AddASN1(explicit(2), func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidPSpecified)
					b.AddASN1OctetString(label)
				})
			})
		}
	})
}
