package pfx

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"math/big"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ecKey encodes a key with the number as it is, and something odd behind it.
func ecKey(curve []int, secret []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier([]int{1, 2, 840, 10045, 2, 1})
			b.AddASN1ObjectIdentifier(curve)
		})
		b.AddASN1(asn1.OCTET_STRING, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1OctetString(secret)
				b.AddASN1(asn1.Tag(1).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte{3, 1, 0}) })
			})
		})
	})
	return b.BytesOrPanic()
}

func TestParseUnusualECKey(t *testing.T) {
	p256 := []int{1, 2, 840, 10045, 3, 1, 7}
	for name, secret := range map[string][]byte{
		"short":         {5},
		"leading zeros": append(make([]byte, 40), 5),
	} {
		key, err := parseKey(ecKey(p256, secret))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		k := key.(*ecdsa.PrivateKey)
		d, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if k.Curve != elliptic.P256() || new(big.Int).SetBytes(d).Int64() != 5 {
			t.Errorf("%s: got another key", name)
		}
	}
	for name, secret := range map[string][]byte{
		"zero": {0},
		"long": append([]byte{1}, make([]byte, 32)...),
	} {
		if _, err := parseKey(ecKey(p256, secret)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %v, want ErrDamaged", name, err)
		}
	}
	_, err := parseKey(ecKey([]int{1, 3, 132, 0, 10}, []byte{5}))
	if e, ok := errors.AsType[*UnsupportedError](err); !ok || e.Algorithm != "elliptic curve secp256k1" {
		t.Errorf("secp256k1: got %v", err)
	}
}
