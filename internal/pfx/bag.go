package pfx

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A bag is one thing in a safe.
type bag struct {
	kind  string // its object identifier
	value cryptobyte.String
	name  string // friendlyName
}

const (
	maxBags    = 1000 // in one safe
	maxKeys    = 100  // in a file
	maxBagNest = 4
)

// readBags returns the bags in a SafeContents, those in inner ones included.
func readBags(data []byte) ([]bag, error) {
	der, err := toDER(data)
	if err != nil {
		return nil, err
	}
	return appendBags(nil, der, 0)
}

// holdsBags reports whether data is a SafeContents, though it may be too large.
func holdsBags(data []byte) bool {
	_, err := readBags(data)
	return err == nil || !errors.Is(err, ErrDamaged)
}

func appendBags(bags []bag, contents cryptobyte.String, depth int) ([]bag, error) {
	if depth > maxBagNest {
		return nil, &LimitError{"levels of parts in parts", maxBagNest}
	}
	var list cryptobyte.String
	if !contents.ReadASN1(&list, asn1.SEQUENCE) || !contents.Empty() {
		return nil, damaged("content of a part")
	}
	for !list.Empty() {
		if len(bags) == maxBags {
			return nil, &LimitError{"entries in a part", maxBags}
		}
		b, ok := readBag(&list)
		if !ok {
			return nil, damaged("content of a part")
		}
		if b.kind != oidSafeContentsBag {
			bags = append(bags, b)
			continue
		}
		var err error
		if bags, err = appendBags(bags, b.value, depth+1); err != nil {
			return nil, err
		}
	}
	return bags, nil
}

func readBag(s *cryptobyte.String) (b bag, ok bool) {
	var seq, attributes cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) {
		return b, false
	}
	if b.kind, ok = readOID(&seq); !ok || !seq.ReadASN1(&b.value, explicit0) {
		return b, false
	}
	if seq.ReadASN1(&attributes, asn1.SET) {
		b.name = friendlyName(attributes)
	}
	return b, true
}

// friendlyName is for people only, so that what is wrong with it does not matter.
func friendlyName(attributes cryptobyte.String) string {
	for !attributes.Empty() {
		var attribute, values, text cryptobyte.String
		if !attributes.ReadASN1(&attribute, asn1.SEQUENCE) {
			return ""
		}
		oid, ok := readOID(&attribute)
		if !ok || oid != oidFriendlyName {
			continue
		}
		const bmpString = asn1.Tag(30)
		if !attribute.ReadASN1(&values, asn1.SET) || !values.ReadASN1(&text, bmpString) {
			return ""
		}
		units := make([]uint16, 0, len(text)/2)
		for i := 0; i+1 < len(text); i += 2 {
			units = append(units, uint16(text[i])<<8|uint16(text[i+1]))
		}
		return string(utf16.Decode(units))
	}
	return ""
}

// certificate returns nil when the bag holds another kind of certificate.
func (b bag) certificate() (*x509.Certificate, error) {
	var seq, inner, der cryptobyte.String
	value := b.value
	if !value.ReadASN1(&seq, asn1.SEQUENCE) {
		return nil, damaged("certificate")
	}
	oid, ok := readOID(&seq)
	if !ok {
		return nil, damaged("certificate")
	}
	if oid != oidX509Certificate {
		return nil, nil
	}
	if !seq.ReadASN1(&inner, explicit0) || !inner.ReadASN1(&der, asn1.OCTET_STRING) {
		return nil, damaged("certificate")
	}
	cert, err := x509.ParseCertificate(bytes.Clone(der)) // it keeps what it parses
	if err != nil {
		return nil, fmt.Errorf("%w: bad certificate: %v", ErrDamaged, err)
	}
	return cert, nil
}

func (b bag) isKey() bool { return b.kind == oidKeyBag || b.kind == oidShroudedKeyBag }

// shroud splits the encrypted key in a shrouded key bag.
func (b bag) shroud() (*scheme, []byte, error) {
	var seq, data cryptobyte.String
	value := b.value
	if !value.ReadASN1(&seq, asn1.SEQUENCE) {
		return nil, nil, damaged("PKCS #8")
	}
	s, err := readScheme(&seq, holdsKey)
	if err != nil {
		return nil, nil, err
	}
	if !seq.ReadASN1(&data, asn1.OCTET_STRING) {
		return s, nil, damaged("PKCS #8")
	}
	return s, data, nil
}

func (b bag) key(w *work, p password) (crypto.PrivateKey, error) {
	if b.kind == oidKeyBag {
		return parseKey(b.value)
	}
	s, data, err := b.shroud()
	if err != nil {
		return nil, err
	}
	plain, err := s.open(w, p, data)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return parseKey(plain)
}
