//go:build unix

package agent

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

// secrets are byte strings that must not be found in places that tell of
// themselves, by what they are.
type secrets map[string][]byte

// testSecret makes a certificate whose key and password no other test has, adds it to
// the service's account, and returns what of it is secret.
func testSecret(t testing.TB, s *agenttest.Service, name, key, password string) (*testcert.Pair, secrets) {
	t.Helper()
	newPair := testcert.RSA
	if strings.HasPrefix(key, "p") {
		newPair = testcert.ECDSA
	}
	pair := newPair(t, testcert.Name(name), testcert.Key(key))
	data := pair.PFX(password)
	s.Add(pair.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: data, Password: batch.Password(password)})

	found := secrets{"password": []byte(password)}
	found.add("PFX", data[len(data)/2:][:48])
	numbers := make(map[string]*big.Int)
	switch private := pair.Key.(type) {
	case *rsa.PrivateKey:
		numbers["first prime"], numbers["second prime"], numbers["exponent"] = private.Primes[0], private.Primes[1], private.D
	case *ecdsa.PrivateKey:
		d, err := private.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		numbers["scalar"] = new(big.Int).SetBytes(d)
	}
	for what, n := range numbers {
		found.add(what, n.Bytes()[:40])
		found[what+" in decimal"] = []byte(n.String()[:40])
		// As math/big and crypto keep it: the least word first.
		words := n.Bytes()
		slices.Reverse(words)
		found[what+" in words"] = words[:40]
	}
	return pair, found
}

// add adds data, and how it looks in texts.
func (s secrets) add(what string, data []byte) {
	s[what] = data
	s[what+" in hex"] = fmt.Appendf(nil, "%x", data)
	s[what+" in capital hex"] = bytes.ToUpper([]byte(hex.EncodeToString(data)))
	s[what+" as a list"] = bytes.Trim(fmt.Append(nil, data), "[]")
	for skip := range 3 { // of the three places that it can have in base64
		text := base64.StdEncoding.EncodeToString(data[skip:])
		s[fmt.Sprintf("%s in base64, %d", what, skip)] = []byte(text[:len(text)-4])
	}
}

// in returns which secrets are in data.
func (s secrets) in(data []byte) []string {
	var found []string
	for what, secret := range s {
		if bytes.Contains(data, secret) {
			found = append(found, what)
		}
	}
	slices.Sort(found)
	return found
}

// wantNone fails if data has a secret.
func (s secrets) wantNone(t *testing.T, where string, data []byte) {
	t.Helper()
	if found := s.in(data); len(found) > 0 {
		t.Errorf("%s holds a secret: %v", where, found)
	}
}

// wantNoFile fails if a regular file below dir has a secret.
func (s secrets) wantNoFile(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		s.wantNone(t, path, data)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
