package cms

import (
	"crypto/rsa"
	"errors"
	"testing"

	"poolcert/internal/corpus"
)

// TestCorpus opens the messages that are for other keys than RSA, and those that
// have no armour, as the manifest says. Package decrypt tests the rest.
func TestCorpus(t *testing.T) {
	c := corpus.Load(t)
	ok, agreed := 0, 0
	for _, e := range c.Entries {
		message := c.Read(t, e)
		if e.Kind != "cms" || len(message) == 0 || message[0] != tagSequence {
			continue
		}
		id := new(pair)
		id.cert, id.key = c.Key(t, e)
		got, err := open(id, message)
		right := err == nil && e.IsContent(got)
		switch e.Expect {
		case "ok", "undetectable":
			ok++
			if _, isRSA := id.key.(*rsa.PrivateKey); !isRSA {
				agreed++
			}
			if !right {
				t.Errorf("%s: %d bytes, %v; want the content", e.File, len(got), err)
			}
		case "ok-or-unsupported":
			var unsupported *UnsupportedError
			if !right && !errors.As(err, &unsupported) {
				t.Errorf("%s: %d bytes, %v; want the content or an UnsupportedError", e.File, len(got), err)
			}
			t.Logf("%s: %v", e.File, err)
		default:
			if err == nil && !right && e.Note == "" {
				t.Errorf("%s: other content", e.File)
			}
		}
	}
	if ok < 20 || agreed < 3 {
		t.Errorf("only %d good messages, %d of them by key agreement", ok, agreed)
	}
}
