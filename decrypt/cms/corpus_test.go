package cms

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

// corpus is a set of messages from many producers, beside the repository.
const corpus = "../../../shared/testdata/crypto"

// TestCorpus opens the messages that are for other keys than RSA, and those that
// have no armour, as the manifest says. Package decrypt tests the rest.
func TestCorpus(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(corpus, "manifest.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("SKIPPED: the messages of other producers are not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Identities map[string]struct{ P12, Password string }
		Entries    []struct{ File, Kind, Key, Expect, SHA256, Note string }
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]*pair)
	for name, id := range manifest.Identities {
		pfx, err := os.ReadFile(filepath.Join(corpus, id.P12))
		if err != nil {
			t.Fatal(err)
		}
		key, cert, _, err := pkcs12.DecodeChain(pfx, id.Password)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		ids[name] = &pair{cert, key}
	}
	ok, agreed := 0, 0
	for _, e := range manifest.Entries {
		message, err := os.ReadFile(filepath.Join(corpus, e.File))
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind != "cms" || len(message) == 0 || message[0] != tagSequence {
			continue
		}
		id := ids[e.Key]
		if id == nil {
			id = ids["rsa2048"]
		}
		got, err := open(id, message)
		sum := sha256.Sum256(got)
		right := err == nil && hex.EncodeToString(sum[:]) == e.SHA256
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
