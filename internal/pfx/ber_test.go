package pfx

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func TestToDER(t *testing.T) {
	for _, v := range []struct{ name, ber, der string }{
		{"DER", "3003020101", "3003020101"},
		{"indefinite", "30800201010000", "3003020101"},
		{"nested", "3080308002010100000000", "30053003020101"},
		{"long length", "308103020101", "3003020101"},
		{"longer length", "308300000402810101", "3003020101"},
		{"chunks", "2480040101040102 0000", "04020102"},
		{"definite chunks", "2406040101040102", "04020102"},
		{"nested chunks", "24802480040101000004010 20000", "04020102"},
		{"in the middle", "300b0201012403040105020102", "3009020101040105020102"},
		{"no chunks", "24800000", "0400"},
		{"elements, not chunks", "24053003020101", "04053003020101"},
		{"not into octets", "040430800000", "040430800000"},
	} {
		t.Run(v.name, func(t *testing.T) {
			in, want := unhex(t, v.ber), unhex(t, v.der)
			got, err := toDER(in)
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("got %x, %v, want %x", got, err, want)
			}
			again, err := toDER(got)
			if err != nil || !bytes.Equal(again, got) || &again[0] != &got[0] {
				t.Errorf("DER does not stay as it is: %x, %v", again, err)
			}
		})
	}
}

func TestToDERRefuses(t *testing.T) {
	for _, v := range []struct{ name, ber string }{
		{"nothing", ""},
		{"tag only", "30"},
		{"too long", "3004020101"},
		{"too long inside", "3003020201"},
		{"no end", "3080020101"},
		{"half an end", "308002010100"},
		{"end in definite", "30020000"},
		{"more behind", "300302010100"},
		{"indefinite and primitive", "04800000"},
		{"4 GiB", "3084ffffffff"},
		{"126 octets of length", "30fe" + strings.Repeat("ff", 126)},
		{"high tag", "3f2000"},
		{"reserved length", "30ff"},
	} {
		if got, err := toDER(unhex(t, v.ber)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %x, %v, want ErrDamaged", v.name, got, err)
		}
	}
	_, err := toDER(bytes.Repeat([]byte{0x30, 0x80}, 1<<20))
	if _, ok := errors.AsType[*LimitError](err); !ok {
		t.Errorf("deep nesting: got %v, want a LimitError", err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
