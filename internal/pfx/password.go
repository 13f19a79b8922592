package pfx

import "unicode/utf16"

// A password in the two forms that a file may ask for. Both are secret.
type password struct {
	bmp  []byte // UTF-16, big endian, with a terminating zero: PKCS #12 derivation
	utf8 []byte // PBES2 and PBMAC1

	verified bool // the MAC was right with it
}

// passwordForms returns the ways in which producers encode s, the usual one first.
func passwordForms(s string) []password {
	forms := []password{{bmp: terminated(utf16.Encode([]rune(s))), utf8: []byte(s)}}
	if s == "" {
		// Some take "" for no password at all, without the terminating zero.
		return append(forms, password{})
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			// OpenSSL before 1.1.0 took each byte for a character.
			var units []uint16
			for _, b := range []byte(s) {
				units = append(units, uint16(b))
			}
			return append(forms, password{bmp: terminated(units), utf8: []byte(s)})
		}
	}
	return forms
}

func terminated(units []uint16) []byte {
	out := make([]byte, 0, 2*len(units)+2)
	for _, u := range units {
		out = append(out, byte(u>>8), byte(u))
	}
	return append(out, 0, 0)
}

func (p password) clear() {
	clear(p.bmp)
	clear(p.utf8)
}
