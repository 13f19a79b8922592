package pfx_test

import (
	"crypto"
	"testing"

	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
)

// The name is on the key, the MAC is right, and nothing else has changed.
func TestEncodeLegacy(t *testing.T) {
	for _, pair := range []*testcert.Pair{testcert.RSA(t), testcert.ECDSA(t)} {
		b := &pfx.Bundle{Leaf: pair.Cert, Key: pair.Key}
		data, err := pfx.EncodeLegacy(b, "poolcert-0123", "password")
		if err != nil {
			t.Fatal(err)
		}
		info, err := pfx.Inspect(t.Context(), data, "password", pfx.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if len(info.Keys) != 1 || info.Keys[0].Name != "poolcert-0123" || !info.MAC.Verified || info.Problem != "" || len(info.Certificates) != 1 || !info.Certificates[0].HasKey {
			t.Errorf("%+v, MAC %+v", info, info.MAC)
		}
		got, err := pfx.Decode(t.Context(), data, "password", pfx.Options{})
		if err != nil || !got.Leaf.Equal(pair.Cert) || !pair.Key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(got.Key) || len(got.Warnings) > 0 {
			t.Errorf("%v, %v", got, err)
		}
	}
}
