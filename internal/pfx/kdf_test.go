package pfx

import (
	"bytes"
	stdpbkdf2 "crypto/pbkdf2"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
)

func TestPBKDF2(t *testing.T) {
	w, stop := start(t.Context(), Limits{})
	defer stop()
	for _, d := range digests {
		for _, size := range []int{1, 24, 32, 64, 100} {
			got, err := w.pbkdf2(d, []byte("password"), []byte("salt"), 100, size)
			if err != nil {
				t.Fatal(err)
			}
			want, err := stdpbkdf2.Key(d.new, "password", []byte("salt"), 100, size)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s, %d bytes: got %x, want %x", d.name, size, got, want)
			}
		}
	}
}

// The wanted values are OpenSSL's: openssl kdf -keylen 24 -kdfopt digest:SHA1 -kdfopt hexpass:0073006d006500670000
// -kdfopt hexsalt:0a58cf64530d823f -kdfopt iter:1 -kdfopt id:1 PKCS12KDF, and so on.
func TestPKCS12KDF(t *testing.T) {
	w, stop := start(t.Context(), Limits{})
	defer stop()
	p := passwordForms("smeg")[0]
	salt := []byte{0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f}
	for _, v := range []struct {
		digest  string
		purpose byte
		rounds  int64
		want    string
	}{
		{"SHA-1", forKey, 1, "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"},
		{"SHA-384", forMAC, 1000, "51a59b19de6eb4ad50cd0fe3d4683e59b7268d43d401739c9cf567555343ccda" +
			"24ce7343ad732d5477aeac72198fff9c8da5c75c59e104875afa9a4d634c28b5" +
			"b884b2eb9b9eea3507d369d81bd153cdccbe80a9067fa340e5dff0dee5ac9ecc02d9b039"},
	} {
		d := digests[slices.IndexFunc(digests, func(d digest) bool { return d.name == v.digest })]
		got, err := w.pkcs12(d, v.purpose, p.bmp, salt, v.rounds, len(v.want)/2)
		if err != nil || hex.EncodeToString(got) != v.want {
			t.Errorf("%s: got %x, %v, want %s", v.digest, got, err, v.want)
		}
	}
}

func TestScryptLimits(t *testing.T) {
	w, stop := start(t.Context(), Limits{})
	defer stop()
	for _, v := range []struct{ n, r, p int64 }{
		{1 << 20, 8, 1}, {1 << 14, 8, 1 << 20}, {1 << 40, 8, 1}, {2, 1 << 40, 1}, {2, 1, 1 << 40}, {1 << 16, 8, 16},
	} {
		_, err := w.scrypt(nil, nil, v.n, v.r, v.p, 32)
		if _, ok := errors.AsType[*LimitError](err); !ok {
			t.Errorf("%v: got %v, want a LimitError", v, err)
		}
	}
	if _, err := w.scrypt(nil, nil, 3, 1, 1, 32); !errors.Is(err, ErrDamaged) {
		t.Errorf("N=3: got %v, want ErrDamaged", err)
	}
}
