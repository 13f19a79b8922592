//go:build unix

package lastgood

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/agent/statedir/statedirtest"
	"poolcert/internal/dpapi/dpapitest"
	"poolcert/internal/tpmkey"
	"poolcert/internal/tpmkey/tpmtest"
)

// unclosed keeps a test's connection to its TPM.
type unclosed struct{ *os.File }

func (unclosed) Close() error { return nil }

func testTPM(t *testing.T) func() (*tpmkey.TPM, error) {
	conn := tpmtest.New(t)
	return func() (*tpmkey.TPM, error) { return tpmkey.New(unclosed{conn}), nil }
}

// What one key sealed opens with that key, after a restart too, and with no other.
func TestNodeKeys(t *testing.T) {
	credentials := func(size int) *credentialKey {
		dir := t.TempDir()
		secret := make([]byte, size)
		rand.Read(secret)
		if err := os.WriteFile(filepath.Join(dir, credentialName), secret, 0o400); err != nil {
			t.Fatal(err)
		}
		return &credentialKey{dir}
	}
	ours, other := testTPM(t), testTPM(t)
	one, two := credentials(32), credentials(100)
	here, elsewhere := dpapitest.New(t), dpapitest.New(t)
	node := &member.Identity{Account: "a", Pool: "p", Node: "n"}
	for name, test := range map[string]struct{ key, other func(*statedir.Dir) nodeKey }{
		"file": {
			func(s *statedir.Dir) nodeKey { return &fileKey{s} },
			func(s *statedir.Dir) nodeKey { os.Remove(s.File(statedir.LastGoodKeyFile)); return &fileKey{s} },
		},
		"credential": {
			func(*statedir.Dir) nodeKey { return one },
			func(*statedir.Dir) nodeKey { return two },
		},
		"tpm": {
			func(s *statedir.Dir) nodeKey { return &tpmKey{s, ours} },
			func(s *statedir.Dir) nodeKey { return &tpmKey{s, other} },
		},
		"dpapi": {
			func(s *statedir.Dir) nodeKey { return &dpapiKey{s, node, here} },
			func(s *statedir.Dir) nodeKey { return &dpapiKey{s, node, elsewhere} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := statedirtest.New(t)
			id := node
			for _, revision := range []string{"1", "2"} {
				v := newVault(state, id, test.key(state))
				if err := v.Save(&Set{Revision: revision}); err != nil {
					t.Fatal(err)
				}
			}
			v := newVault(state, id, test.key(state))
			if set, err := v.Load(); err != nil || set == nil || set.Revision != "2" {
				t.Fatalf("load = %+v, %v", set, err)
			}
			v.key = test.other(state)
			if set, err := v.Load(); !errors.Is(err, ErrUnusable) {
				t.Errorf("with another key: %+v, %v", set, err)
			}
			if err := v.Save(&Set{Revision: "3"}); err != nil { // begins anew
				t.Fatal(err)
			}
			if set, err := v.Load(); err != nil || set.Revision != "3" {
				t.Errorf("load = %+v, %v", set, err)
			}
		})
	}
}

// A key that cannot be had now is no reason to take the set for damaged.
func TestNodeKeyOutOfReach(t *testing.T) {
	state := statedirtest.New(t)
	id := &member.Identity{Account: "a", Pool: "p", Node: "n"}
	v := newVault(state, id, &tpmKey{state, testTPM(t)})
	if err := v.Save(&Set{Revision: "1"}); err != nil {
		t.Fatal(err)
	}
	short := t.TempDir()
	if err := os.WriteFile(filepath.Join(short, credentialName), bytes.Repeat([]byte("x"), 31), 0o400); err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]nodeKey{
		"no TPM":               &tpmKey{state, func() (*tpmkey.TPM, error) { return nil, tpmkey.ErrNoTPM }},
		"no credential":        &credentialKey{},
		"no such credential":   &credentialKey{t.TempDir()},
		"credential too short": &credentialKey{short},
	} {
		v := newVault(state, id, key)
		if _, err := v.Load(); err == nil || errors.Is(err, ErrUnusable) {
			t.Errorf("%s: load = %v", name, err)
		}
		if err := v.trySave(&Set{Revision: "2"}); err == nil {
			t.Errorf("%s: saved", name)
		}
	}
	v = newVault(state, id, nil)
	if err := os.WriteFile(state.File(statedir.LastGoodTPMFile), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.key = &tpmKey{state, testTPM(t)}
	if _, err := v.Load(); !errors.Is(err, ErrUnusable) {
		t.Errorf("damaged key: load = %v", err)
	}
}

// With another node_key, the key of the one before does not stay beside what it
// opened.
func TestNodeKeyBeforeGoes(t *testing.T) {
	state := statedirtest.New(t)
	tpm := &tpmKey{state, testTPM(t)}
	for _, test := range []struct {
		key        nodeKey
		there, not string
	}{
		{&fileKey{state}, statedir.LastGoodKeyFile, statedir.LastGoodTPMFile},
		{tpm, statedir.LastGoodTPMFile, statedir.LastGoodKeyFile},
		{&fileKey{state}, statedir.LastGoodKeyFile, statedir.LastGoodTPMFile},
		{&dpapiKey{state, nil, dpapitest.New(t)}, statedir.LastGoodDPAPIFile, statedir.LastGoodKeyFile},
		{tpm, statedir.LastGoodTPMFile, statedir.LastGoodDPAPIFile},
	} {
		v := newVault(state, nil, test.key)
		if err := v.Save(&Set{Revision: "1"}); err != nil {
			t.Fatal(err)
		}
		if set, err := v.Load(); err != nil || set.Revision != "1" {
			t.Errorf("load = %+v, %v", set, err)
		}
		if _, err := os.Lstat(state.File(test.there)); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(state.File(test.not)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: error %v, want that it is not there", test.not, err)
		}
	}
}
