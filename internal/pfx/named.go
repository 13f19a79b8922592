package pfx

import (
	"context"
	"crypto/hmac"
	"encoding/asn1"
	"fmt"
	"unicode/utf16"

	"software.sslmate.com/src/go-pkcs12"
)

// EncodeLegacy writes the bundle in the form that also systems read that are older than
// those of [Encode]: PBE with 3DES and SHA-1 throughout. It is for what stays in memory,
// under a random password: to a guessable one it is hardly a protection. The key has a
// friendly name: Windows, which keeps a key from a PFX under a name, is documented to
// take that one.
func EncodeLegacy(b *Bundle, name, password string) ([]byte, error) {
	data, err := pkcs12.LegacyDES.Encode(b.Key, b.Leaf, b.Chain, password)
	if err == nil {
		data, err = nameKey(data, name, password)
	}
	if err != nil {
		return nil, fmt.Errorf("write PFX of the old form: %w", err)
	}
	return data, nil
}

// What [EncodeLegacy] writes (RFC 7292 section 4), as far as it is changed.
type (
	namedPFX struct {
		Version  int
		AuthSafe namedContent
		MAC      namedMAC
	}
	namedContent struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit"`
	}
	namedMAC struct {
		Digest struct {
			Algorithm asn1.RawValue
			Value     []byte
		}
		Salt   []byte
		Rounds int `asn1:"optional,default:1"`
	}
	namedBag struct {
		Type       asn1.ObjectIdentifier
		Value      asn1.RawValue   `asn1:"tag:0,explicit"`
		Attributes []asn1.RawValue `asn1:"set,optional"`
	}
	namedAttribute struct {
		Type   asn1.ObjectIdentifier
		Values []asn1.RawValue `asn1:"set"`
	}
)

// nameKey adds the name to the key, which is in a part that is not encrypted, and
// makes the MAC anew.
func nameKey(data []byte, name, password string) ([]byte, error) {
	var file namedPFX
	if err := readDER(data, &file); err != nil {
		return nil, err
	}
	var safe []byte
	var parts []namedContent
	if err := readDER(file.AuthSafe.Content.Bytes, &safe); err != nil {
		return nil, err
	}
	if err := readDER(safe, &parts); err != nil {
		return nil, err
	}
	for i := range parts {
		if parts[i].Type.String() != oidData {
			continue
		}
		var err error
		if parts[i].Content, err = nameBags(parts[i].Content, name); err != nil {
			return nil, err
		}
	}
	var err error
	if safe, err = asn1.Marshal(parts); err != nil {
		return nil, err
	}
	if file.AuthSafe.Content, err = explicitOctets(safe); err != nil {
		return nil, err
	}
	if file.MAC.Digest.Value, err = file.MAC.of(safe, password); err != nil {
		return nil, err
	}
	return asn1.Marshal(file)
}

func nameBags(content asn1.RawValue, name string) (asn1.RawValue, error) {
	var safe []byte
	var bags []namedBag
	if err := readDER(content.Bytes, &safe); err != nil {
		return content, err
	}
	if err := readDER(safe, &bags); err != nil {
		return content, err
	}
	attribute, err := asn1.Marshal(namedAttribute{friendlyNameOID, []asn1.RawValue{{Tag: asn1.TagBMPString, Bytes: bmp(name)}}})
	if err != nil {
		return content, err
	}
	for i := range bags {
		if bags[i].Type.String() == oidShroudedKeyBag {
			bags[i].Attributes = append(bags[i].Attributes, asn1.RawValue{FullBytes: attribute})
		}
	}
	if safe, err = asn1.Marshal(bags); err != nil {
		return content, err
	}
	return explicitOctets(safe)
}

var friendlyNameOID = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}

func bmp(s string) []byte {
	with := terminated(utf16.Encode([]rune(s)))
	return with[:len(with)-2]
}

// of returns the MAC of a message: HMAC with SHA-1.
func (m namedMAC) of(message []byte, secret string) ([]byte, error) {
	w, stop := start(context.Background(), Limits{})
	defer stop()
	form := passwordForms(secret)[0]
	defer form.clear()
	sha1, err := digestByOID("1.3.14.3.2.26")
	if err != nil {
		return nil, err
	}
	key, err := w.pkcs12(sha1, forMAC, form.bmp, m.Salt, int64(m.Rounds), sha1.new().Size())
	if err != nil {
		return nil, err
	}
	defer clear(key)
	h := hmac.New(sha1.new, key)
	h.Write(message)
	return h.Sum(nil), nil
}

// readDER reads one value, with nothing after it.
func readDER(der []byte, to any) error {
	rest, err := asn1.Unmarshal(der, to)
	if err == nil && len(rest) > 0 {
		err = damaged("end of a part")
	}
	return err
}

// explicitOctets returns data as the content of a part that is not encrypted.
func explicitOctets(data []byte) (asn1.RawValue, error) {
	der, err := asn1.Marshal(data)
	return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: der}, err
}
