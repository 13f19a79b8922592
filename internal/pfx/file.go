package pfx

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A file is the outside of a PFX: what can be read without its password.
type file struct {
	signed []byte // what the MAC covers
	mac    *mac   // nil: none
	safes  []safe
}

// A safe is a part of the file with an encryption of its own.
type safe struct {
	scheme *scheme // nil: not encrypted
	data   []byte  // SafeContents, or its ciphertext
}

const maxSafes = 100

var explicit0 = asn1.Tag(0).ContextSpecific().Constructed()

// readFile reads a PFX in BER, DER or PEM.
func readFile(w *work, data []byte) (*file, error) {
	if len(data) > w.limits.Size {
		return nil, &LimitError{"bytes of PFX", int64(w.limits.Size)}
	}
	data, err := unarmour(data)
	if err != nil {
		return nil, err
	}
	der, err := toDER(data)
	if err != nil {
		return nil, err
	}
	f, err := parseFile(der)
	if err != nil {
		if kind := recognise(der); kind != "" {
			err = fmt.Errorf("%w: it is %s, not a PFX", ErrDamaged, kind)
		}
		return nil, err
	}
	return f, nil
}

func parseFile(der cryptobyte.String) (*file, error) {
	var pfx cryptobyte.String
	var version int64
	if !der.ReadASN1(&pfx, asn1.SEQUENCE) || !pfx.ReadASN1Integer(&version) {
		return nil, damaged("header")
	}
	if version != 3 {
		return nil, &UnsupportedError{Algorithm: fmt.Sprintf("PFX version %d", version)}
	}
	oid, content, ok := readContentInfo(&pfx)
	if !ok {
		return nil, damaged("header")
	}
	if oid != oidData {
		return nil, unsupported("", oid)
	}
	f := new(file)
	if !content.ReadASN1((*cryptobyte.String)(&f.signed), asn1.OCTET_STRING) {
		return nil, damaged("header")
	}
	if !pfx.Empty() {
		var err error
		if f.mac, err = readMAC(&pfx); err != nil {
			return nil, err
		}
		if !pfx.Empty() {
			return nil, damaged("MAC")
		}
	}
	return f, f.readSafes()
}

func (f *file) readSafes() error {
	inner, err := toDER(f.signed)
	if err != nil {
		return err
	}
	s := cryptobyte.String(inner)
	var list cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) {
		return damaged("list of parts")
	}
	for !list.Empty() {
		if len(f.safes) == maxSafes {
			return &LimitError{"parts", maxSafes}
		}
		oid, content, ok := readContentInfo(&list)
		if !ok {
			return damaged("list of parts")
		}
		part, err := readSafe(oid, content)
		if err != nil {
			return err
		}
		f.safes = append(f.safes, part)
	}
	return nil
}

func readSafe(oid string, content cryptobyte.String) (safe, error) {
	var part safe
	switch oid {
	case oidData:
		if !content.ReadASN1((*cryptobyte.String)(&part.data), asn1.OCTET_STRING) {
			return part, damaged("part")
		}
		return part, nil
	case oidEncryptedData:
		var data, info cryptobyte.String
		var version int64
		if !content.ReadASN1(&data, asn1.SEQUENCE) || !data.ReadASN1Integer(&version) ||
			!data.ReadASN1(&info, asn1.SEQUENCE) {
			return part, damaged("encrypted part")
		}
		if _, ok := readOID(&info); !ok {
			return part, damaged("encrypted part")
		}
		var err error
		if part.scheme, err = readScheme(&info, holdsBags); err != nil {
			return part, err
		}
		var ok bool
		if part.data, ok = implicitOctets(&info, asn1.Tag(0).ContextSpecific()); !ok {
			return part, damaged("encrypted part")
		}
		return part, nil
	}
	return part, unsupported("", oid)
}

func readContentInfo(s *cryptobyte.String) (oid string, content cryptobyte.String, ok bool) {
	var seq cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) {
		return "", nil, false
	}
	oid, ok = readOID(&seq)
	if !ok || seq.Empty() {
		return oid, nil, ok
	}
	return oid, content, seq.ReadASN1(&content, explicit0)
}

func (s safe) open(w *work, p password) ([]bag, error) {
	data := s.data
	if s.scheme != nil {
		plain, err := s.scheme.open(w, p, data)
		if err != nil {
			return nil, err
		}
		data = plain
	}
	return readBags(data)
}
