package cms

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The examples of RFC 3394, section 4.
func TestKeyWrap(t *testing.T) {
	decode := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const kek, data = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"
	for _, test := range []struct {
		kekSize, size int
		want          string
	}{
		{16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"},
		{24, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"},
		{32, 16, "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7"},
		{24, 24, "031d33264e15d33268f24ec260743edce1c6c7ddee725a936ba814915c6762d2"},
		{32, 24, "a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1"},
		{32, 32, "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"},
	} {
		kek, key := decode(kek)[:test.kekSize], decode(data)[:test.size]
		wrapped, err := wrapKey(kek, key)
		if err != nil || hex.EncodeToString(wrapped) != test.want {
			t.Errorf("wrap %d bytes with %d: %x, %v; want %s", test.size, test.kekSize, wrapped, err, test.want)
		}
		got, ok, err := unwrapKey(kek, wrapped)
		if err != nil || ok != 1 || !bytes.Equal(got, key) {
			t.Errorf("unwrap %d bytes with %d: %x, %d, %v", test.size, test.kekSize, got, ok, err)
		}
		for i := range wrapped {
			changed := bytes.Clone(wrapped)
			changed[i] ^= 0x80
			if _, ok, _ := unwrapKey(kek, changed); ok != 0 {
				t.Errorf("byte %d changed: unwraps", i)
			}
		}
	}
}
