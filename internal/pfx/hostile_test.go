package pfx

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// Elements of PFX files that no producer makes.

func element(tag tags.Tag, content ...[]byte) []byte {
	return encode(byte(tag), bytes.Join(content, nil))
}
func sequence(content ...[]byte) []byte { return element(tags.SEQUENCE, content...) }
func octets(content ...[]byte) []byte   { return element(tags.OCTET_STRING, content...) }

func number(n int64) []byte {
	var b cryptobyte.Builder
	b.AddASN1Int64(n)
	return b.BytesOrPanic()
}

func object(dotted string) []byte {
	var oid asn1.ObjectIdentifier
	for _, part := range strings.Split(dotted, ".") {
		n := 0
		for _, digit := range part {
			n = 10*n + int(digit-'0')
		}
		oid = append(oid, n)
	}
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(oid)
	return b.BytesOrPanic()
}

func hostileFile(safes ...[]byte) []byte {
	content := octets(sequence(safes...))
	return sequence(number(3), sequence(object(oidData), element(explicit0, content)))
}

func plainSafe(bags ...[]byte) []byte {
	return sequence(object(oidData), element(explicit0, octets(sequence(bags...))))
}

func hostileBag(kind string, value []byte) []byte {
	return sequence(object(kind), element(explicit0, value))
}

const oid3DES = "1.2.840.113549.1.12.1.3"

func pbe(rounds int64) []byte {
	return sequence(object(oid3DES), sequence(octets([]byte("saltsalt")), number(rounds)))
}

func shrouded(rounds int64) []byte {
	return hostileBag(oidShroudedKeyBag, sequence(pbe(rounds), octets(make([]byte, 16))))
}

// encryptedSafe encrypts the bags for real, in one round.
func encryptedSafe(t *testing.T, password string, bags ...[]byte) []byte {
	t.Helper()
	w, stop := start(t.Context(), Limits{})
	defer stop()
	p := passwordForms(password)[0]
	key, err := w.pkcs12(digests[0], forKey, p.bmp, []byte("saltsalt"), 1, 24)
	if err != nil {
		t.Fatal(err)
	}
	iv, err := w.pkcs12(digests[0], forIV, p.bmp, []byte("saltsalt"), 1, 8)
	if err != nil {
		t.Fatal(err)
	}
	block, err := des.NewTripleDESCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	text := sequence(bags...)
	n := 8 - len(text)%8
	text = append(text, bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(text, text)
	info := sequence(object(oidData), pbe(1), element(tags.Tag(0).ContextSpecific(), text))
	return sequence(object(oidEncryptedData), element(explicit0, sequence(number(0), info)))
}

func TestHostile(t *testing.T) {
	const password = "known to who sends the file"
	nested := shrouded(1)
	for range 6 {
		nested = hostileBag(oidSafeContentsBag, sequence(nested))
	}
	limit := new(LimitError)
	for _, v := range []struct {
		name string
		data []byte
		want string
	}{
		{"rounds hidden in an encrypted part", hostileFile(encryptedSafe(t, password, shrouded(1<<31-1))), "rounds"},
		{"rounds in sum", hostileFile(plainSafe(bytes.Repeat(shrouded(4000), 6))), "rounds"},
		{"too many bags", hostileFile(plainSafe(bytes.Repeat(hostileBag(oidCRLBag, number(1)), maxBags+1))), "entries"},
		{"too many safes", hostileFile(bytes.Repeat(plainSafe(), maxSafes+1)), "parts"},
		{"too many levels", hostileFile(plainSafe(nested)), "levels"},
		{"large key", hostileFile(plainSafe(hostileBag(oidKeyBag, sequence(octets(make([]byte, maxKeySize)))))), "private key"},
	} {
		t.Run(v.name, func(t *testing.T) {
			began := time.Now()
			limits := Limits{Rounds: 20_000}
			_, err := Decode(t.Context(), v.data, password, Options{Limits: limits})
			if !errors.As(err, &limit) || !strings.Contains(limit.What, v.want) {
				t.Errorf("got %v, want a LimitError about %s", err, v.want)
			}
			if _, infoErr := Inspect(t.Context(), v.data, password, limits); infoErr == nil {
				t.Error("inspect: got no error")
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestUnsupported(t *testing.T) {
	signed := sequence(number(3), sequence(object(oidSignedData), element(explicit0, sequence())))
	enveloped := sequence(object(oidEnvelopedData), element(explicit0, sequence()))
	dsa := sequence(number(0), sequence(object("1.2.840.10040.4.1"), sequence()), octets())
	md5 := sequence(sequence(object("1.2.840.113549.1.5.3"), sequence()), octets(make([]byte, 16)))
	for _, v := range []struct {
		data []byte
		want string
	}{
		{signed, "PFX signed with a certificate instead of a password"},
		{hostileFile(enveloped), "PFX encrypted to a certificate instead of a password"},
		{hostileFile(plainSafe(hostileBag(oidKeyBag, dsa))), "DSA"},
		{hostileFile(plainSafe(hostileBag(oidShroudedKeyBag, md5))), "PBE-MD5-DES"},
	} {
		_, err := Decode(t.Context(), v.data, "", Options{})
		if e, ok := errors.AsType[*UnsupportedError](err); !ok || e.Algorithm != v.want {
			t.Errorf("got %v, want an UnsupportedError with %s", err, v.want)
		}
	}
}

// What is not understood beside a good key and certificate does not keep the user from them.
func TestSkipped(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	goodKey, badKey := hostileBag(oidKeyBag, pkcs8), hostileBag(oidKeyBag, sequence(number(7)))
	certBag := func(der []byte) []byte {
		return hostileBag(oidCertBag, sequence(object(oidX509Certificate), element(explicit0, octets(der))))
	}
	goodCert, badCert := certBag(der), certBag([]byte("not a certificate"))
	b, err := Decode(t.Context(), hostileFile(plainSafe(badCert, goodCert, badKey, goodKey)), "", Options{})
	if err != nil || !bytes.Equal(b.Leaf.Raw, der) || !slices.Equal(b.Warnings, []Warning{Skipped, NoMAC}) {
		t.Errorf("got %v, %v, want the good certificate and two warnings", b, err)
	}
	for name, v := range map[string]struct {
		bags [][]byte
		want error
	}{
		"bad key":                 {[][]byte{goodCert, badKey}, ErrDamaged},
		"bad certificate":         {[][]byte{badCert, goodKey}, ErrDamaged},
		"bad certificate, no key": {[][]byte{badCert}, ErrNoKey},
		"key alone":               {[][]byte{goodKey}, ErrNoCertificate},
	} {
		if _, err := Decode(t.Context(), hostileFile(plainSafe(v.bags...)), "", Options{}); !errors.Is(err, v.want) {
			t.Errorf("%s: got %v, want %v", name, err, v.want)
		}
	}
}
