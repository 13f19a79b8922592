package pfx

import (
	"errors"
	"fmt"
	"testing"

	tags "golang.org/x/crypto/cryptobyte/asn1"
)

// What a wrong password decrypts to is an element once in a thousand times, and
// must not pass for what the file holds.
func TestWrongPasswordIsCalledWrong(t *testing.T) {
	null := element(tags.NULL)
	encrypted := encryptedSafe(t, "open sesame", hostileBag(oidCRLBag, octets(make([]byte, 200))))
	key := plainSafe(hostileBag(oidShroudedKeyBag, sequence(pbe(1), octets(make([]byte, 64)))))
	mac := sequence(sequence(sequence(object(digests[0].oid), null), octets(make([]byte, 20))), octets([]byte("saltsalt")), number(1))
	for name, v := range map[string]struct{ safe, mac []byte }{
		"encrypted part":         {encrypted, mac},
		"encrypted part, no MAC": {encrypted, nil},
		"encrypted key":          {key, mac},
		"encrypted key, no MAC":  {key, nil},
	} {
		content := octets(sequence(v.safe))
		data := sequence(number(3), sequence(object(oidData), element(explicit0, content)), v.mac)
		for i := range 10_000 {
			password := fmt.Sprintf("wrong %d", i)
			if _, err := Decode(t.Context(), data, password, Options{}); !errors.Is(err, ErrPassword) {
				t.Errorf("%s, %q: %v, want ErrPassword", name, password, err)
				break
			}
		}
	}
}
