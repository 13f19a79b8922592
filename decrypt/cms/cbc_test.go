package cms

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"testing"
)

func TestCBCAgreesWithStandardLibrary(t *testing.T) {
	aesBlock := aesBlock(t, pattern(32))
	desBlock, err := des.NewTripleDESCipher(pattern(24))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range []cipher.Block{aesBlock, desBlock} {
		iv := pattern(block.BlockSize())
		for _, size := range []int{16, 32, cbcRun - 16, cbcRun, cbcRun + 16, 3*cbcRun + 48} {
			c := &chunk{data: pattern(size)}
			want := bytes.Clone(c.data)
			cipher.NewCBCDecrypter(block, iv).CryptBlocks(want, want)
			m := newCBCMode(block, iv)
			if err := m.prepare(c); err != nil {
				t.Fatal(err)
			}
			if m.open(c); !bytes.Equal(c.data, want) {
				t.Errorf("%d bytes in blocks of %d differ", size, block.BlockSize())
			}
		}
	}
}
