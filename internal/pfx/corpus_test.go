package pfx_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/internal/pfx"
)

// corpusDir holds files of many producers, beside the repository. It is not part
// of it: these tests are skipped, aloud, where it is absent.
const corpusDir = "../../../shared/testdata/crypto"

type corpusEntry struct {
	File, Kind, Password, Expect string
	Keys                         []struct {
		SPKI string `json:"spki_sha256"`
	}
	Certs int
}

func corpus(t *testing.T) []corpusEntry {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpusDir, "manifest.json"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("SKIPPED: the shared corpus is not there; its PFX files are not tested")
	}
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Entries []corpusEntry }
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	p12 := slices.DeleteFunc(manifest.Entries, func(e corpusEntry) bool { return e.Kind != "p12" })
	if len(p12) == 0 {
		t.Fatal("no PFX file in the shared corpus")
	}
	return p12
}

func TestCorpus(t *testing.T) {
	for _, e := range corpus(t) {
		t.Run(e.File, func(t *testing.T) {
			data := readFile(t, filepath.Join(corpusDir, e.File))
			switch e.Expect {
			case "ok":
				checkEntry(t, e, data)
			case "ok-or-unsupported":
				_, err := pfx.Decode(t.Context(), data, e.Password, pfx.Options{})
				if _, ok := errors.AsType[*pfx.UnsupportedError](err); ok {
					t.Log(err)
					return
				}
				checkEntry(t, e, data)
			case "fail":
				checkRefused(t, e, data)
			default:
				t.Fatalf("expect %q is not known to this test", e.Expect)
			}
		})
	}
}

// checkEntry decodes the file once for each of its keys, named by thumbprint when there are several.
func checkEntry(t *testing.T, e corpusEntry, data []byte) {
	t.Helper()
	want := make(map[string]bool)
	for _, k := range e.Keys {
		want[k.SPKI] = true
	}
	bundles := make([]*pfx.Bundle, 1)
	var err error
	bundles[0], err = pfx.Decode(t.Context(), data, e.Password, pfx.Options{Limits: patient})
	if ambiguous, ok := errors.AsType[*pfx.AmbiguousError](err); ok && len(e.Keys) > 1 {
		bundles, err = nil, nil
		for _, c := range ambiguous.Candidates {
			b, e := pfx.Decode(t.Context(), data, e.Password, pfx.Options{Thumbprint: batch.ThumbprintOf(c), Limits: patient})
			bundles, err = append(bundles, b), errors.Join(err, e)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bundles {
		spki := sha256.Sum256(b.Leaf.RawSubjectPublicKeyInfo)
		if name := hex.EncodeToString(spki[:]); !want[name] {
			t.Errorf("a key that is not in the manifest, or twice: %s", name)
		} else {
			delete(want, name)
		}
		if got := 1 + len(b.Chain); got != e.Certs {
			t.Errorf("got %d certificates, want %d", got, e.Certs)
		}
		checkUsable(t, b)
	}
	if len(want) > 0 {
		t.Errorf("keys not found: %v", want)
	}
}

func checkRefused(t *testing.T, e corpusEntry, data []byte) {
	t.Helper()
	began := time.Now()
	b, err := pfx.Decode(t.Context(), data, e.Password, pfx.Options{Limits: pfx.Limits{Size: 2 << 20}})
	if err == nil {
		t.Fatalf("accepted: %v", b.Leaf.Subject)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v to refuse", took)
	}
	if b != nil {
		t.Error("both a bundle and an error")
	}
	if len(e.Password) > 3 && strings.Contains(err.Error(), e.Password) {
		t.Error("the error holds the password")
	}
	t.Log(err)
}

// The identities of the corpus hold each kind of key.
func TestCorpusIdentities(t *testing.T) {
	corpus(t)
	files, err := filepath.Glob(filepath.Join(corpusDir, "p12/id/*.p12"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no identities: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want, err := pfx.DecodeCER(readFile(t, strings.TrimSuffix(path, ".p12")+".crt"))
			if err != nil {
				t.Fatal(err)
			}
			data := readFile(t, path)
			b, err := pfx.Decode(t.Context(), data, "open-sesame", pfx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !b.Leaf.Equal(want) {
				t.Errorf("leaf: got %v, want %v", b.Leaf.Subject, want.Subject)
			}
			checkUsable(t, b)
			compare(t, data, "open-sesame", b)
			again, err := pfx.Encode(b, "another")
			if err != nil {
				t.Fatal(err)
			}
			if b, err = pfx.Decode(t.Context(), again, "another", pfx.Options{}); err != nil || !b.Leaf.Equal(want) {
				t.Errorf("encoded and decoded: got %v, %v", b, err)
			}
		})
	}
}
