package pfx_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/internal/corpus"
	"poolcert/internal/pfx"
)

func TestCorpus(t *testing.T) {
	c, tested := corpus.Load(t), 0
	for _, e := range c.Entries {
		if e.Kind != "p12" {
			continue
		}
		tested++
		t.Run(e.File, func(t *testing.T) {
			data := c.Read(t, e)
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
	if tested == 0 {
		t.Error("no PFX file in the corpus")
	}
}

// checkEntry decodes the file once for each of its keys, named by thumbprint when there are several.
func checkEntry(t *testing.T, e corpus.Entry, data []byte) {
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

func checkRefused(t *testing.T, e corpus.Entry, data []byte) {
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
	files, err := filepath.Glob(filepath.Join(corpus.Load(t).Dir, "p12/id/*.p12"))
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
