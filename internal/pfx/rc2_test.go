package pfx

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// RFC 2268 section 5, those whose effective length is that of the key.
func TestRC2(t *testing.T) {
	for _, v := range []struct{ key, plain, cipher string }{
		{"ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"},
		{"3000000000000000", "1000000000000001", "30649edf9be7d2c2"},
		{"88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"},
	} {
		key, _ := hex.DecodeString(v.key)
		plain, _ := hex.DecodeString(v.plain)
		want, _ := hex.DecodeString(v.cipher)
		c, err := newRC2(key)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 8)
		if c.Encrypt(got, plain); !bytes.Equal(got, want) {
			t.Errorf("key %s: encrypt: got %x, want %x", v.key, got, want)
		}
		if c.Decrypt(got, want); !bytes.Equal(got, plain) {
			t.Errorf("key %s: decrypt: got %x, want %x", v.key, got, plain)
		}
	}
}
