package unwrap

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"poolcert/decrypt"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// A bench is a folder, and an opener with the key of one certificate.
type bench struct {
	*testing.T
	dir  string
	cert *x509.Certificate
	Opener
}

func newBench(t *testing.T) *bench {
	t.Helper()
	pair := testcert.RSA(t)
	return &bench{T: t, dir: t.TempDir(), cert: pair.Cert, Opener: Opener{Unwrapper: decrypt.Keys(source{pair})}}
}

// source has the key of one certificate.
type source struct{ *testcert.Pair }

func (s source) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	if !match(s.Cert) {
		return nil, nil, decrypt.ErrNoRecipient
	}
	return s.Cert, s.Key, nil
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// write makes a file at one moment.
func (b *bench) write(name string, data []byte) {
	b.Helper()
	temp := b.path(name) + ".part"
	if err := errors.Join(os.WriteFile(temp, data, 0o600), os.Rename(temp, b.path(name))); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) seal(name, content string) {
	b.Helper()
	b.write(name, cmstest.Seal(b.T, content, cms.Options{}, b.cert))
}

// run opens paths, which are relative to the folder, and tells what became of each.
func (b *bench) run(paths ...string) []Result {
	b.Helper()
	for i := range paths {
		paths[i] = b.path(paths[i])
	}
	results, err := b.Opener.Run(b.Context(), b.Find(paths), nil)
	if err != nil {
		b.Fatal(err)
	}
	return results
}

// want checks states, by the names of sources.
func (b *bench) want(results []Result, want map[string]State) {
	b.Helper()
	got := make(map[string]State)
	for _, r := range results {
		got[filepath.Base(r.Source)] = r.State
		if (r.State == Failed) != (r.Err != nil) {
			b.Errorf("%s: state %s, error %v", r.Source, r.State, r.Err)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.Errorf("got %v, want %v", got, want)
		for _, r := range results {
			b.Log(r.Source, r.State, r.Err)
		}
	}
}

// files checks what is in the folder, beside sealed files.
func (b *bench) files(want map[string]string) {
	b.Helper()
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		b.Fatal(err)
	}
	var got, wanted []string
	for _, e := range entries {
		if !b.matches(e.Name()) && e.Type().IsRegular() {
			data, err := os.ReadFile(b.path(e.Name()))
			info, _ := e.Info()
			got = append(got, fmt.Sprint(e.Name(), ": ", string(data), " ", err, " ", info.Mode()))
		}
	}
	for name, content := range want {
		wanted = append(wanted, fmt.Sprint(name, ": ", content, " ", nil, " ", privateMode))
	}
	slices.Sort(got)
	slices.Sort(wanted)
	if !slices.Equal(got, wanted) {
		b.Errorf("files\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
}

func TestRun(t *testing.T) {
	b := newBench(t)
	b.seal("a.txt.cms", "content of a")
	b.seal("b.enc", "")
	b.write("old.p7m", cmstest.Seal(t, "not authenticated", cms.Options{Compat: true}, b.cert))
	b.seal("other", "not asked for")
	b.write("bad.cms", []byte("hello"))
	b.write("cut.cms", cmstest.Seal(t, "cut", cms.Options{}, b.cert)[:300])
	b.write("foreign.jwe", cmstest.Seal(t, "x", cms.Options{}, testcert.RSA(t, testcert.Key("rsa2048b"), testcert.Name("another")).Cert))
	altered := cmstest.Seal(t, "altered", cms.Options{}, b.cert)
	altered[len(altered)-1] ^= 1
	b.write("altered.cms", altered)
	b.seal(".cms", "no name")
	if err := os.Mkdir(b.path("folder.cms"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.path("other"), b.path("folder.cms/x.cms")); err != nil {
		t.Fatal(err)
	}
	states := map[string]State{"a.txt.cms": Opened, "b.enc": Opened, "old.p7m": Opened, "bad.cms": Failed, "cut.cms": Failed,
		"foreign.jwe": Failed, "altered.cms": Failed, ".cms": Failed}
	outputs := map[string]string{"a.txt": "content of a", "b": "", "old": "not authenticated"}
	results := b.run("")
	b.want(results, states)
	b.files(outputs)
	for _, r := range results {
		if r.State == Opened && r.Authenticated != (filepath.Base(r.Source) != "old.p7m") {
			t.Errorf("%s: authenticated %t", r.Source, r.Authenticated)
		}
		wanted := map[string]error{"foreign.jwe": decrypt.ErrNoRecipient, "altered.cms": decrypt.ErrDecrypt, ".cms": ErrNoOutput}[filepath.Base(r.Source)]
		if wanted != nil && !errors.Is(r.Err, wanted) {
			t.Errorf("%s: error %v, want %v", r.Source, r.Err, wanted)
		}
	}
	// Again: what is there is right already.
	for name, state := range states {
		if state == Opened {
			states[name] = Unchanged
		}
	}
	b.want(b.run(""), states)
	b.files(outputs)
}

// An output that is there is not lost, whatever it is.
func TestRunDoesNotReplace(t *testing.T) {
	for _, there := range []string{"other", "content and more", "cont", ""} {
		b := newBench(t)
		b.seal("a.cms", "content")
		b.write("a", []byte(there))
		results := b.run("")
		b.want(results, map[string]State{"a.cms": Failed})
		if !errors.Is(results[0].Err, ErrExists) {
			t.Errorf("error %v, want ErrExists", results[0].Err)
		}
		b.files(map[string]string{"a": there})
		b.Replace = true
		b.want(b.run(""), map[string]State{"a.cms": Opened})
		b.files(map[string]string{"a": "content"})
	}
	// A message that is altered does not tell how it differs.
	b := newBench(t)
	altered := cmstest.Seal(t, "content", cms.Options{}, b.cert)
	altered[len(altered)-1] ^= 1
	b.write("a.cms", altered)
	b.write("a", []byte("other"))
	if results := b.run(""); !errors.Is(results[0].Err, decrypt.ErrDecrypt) {
		t.Errorf("error %v, want ErrDecrypt", results[0].Err)
	}
}

// Links are not followed, in folders not seen, and not replaced.
func TestLinks(t *testing.T) {
	testtool.SkipUnderWine(t, "no symbolic links")
	b := newBench(t)
	link := func(target, name string) {
		if err := os.Symlink(target, b.path(name)); err != nil {
			testtool.Missing(t, "the right to make symbolic links", err)
		}
	}
	link("a.cms", "link.cms")
	b.seal("a.cms", "content")
	b.write("target", []byte("old"))
	if results := b.run("link.cms"); !errors.Is(results[0].Err, ErrNotRegular) {
		t.Errorf("a link: %v, want ErrNotRegular", results[0].Err)
	}
	link("target", "a")
	for _, b.Replace = range []bool{false, true} {
		b.want(b.run(""), map[string]State{"a.cms": Failed})
	}
	b.files(map[string]string{"target": "old"})
}

// meanwhile does something while a message is opened.
type meanwhile struct {
	decrypt.Unwrapper
	do func()
}

func (m meanwhile) Unwrap(ctx context.Context, w *cms.WrappedKey) ([]byte, error) {
	m.do()
	return m.Unwrapper.Unwrap(ctx, w)
}

// What comes while a message is opened is neither replaced nor removed.
func TestRunMeanwhile(t *testing.T) {
	b := newBench(t)
	b.seal("a.cms", "content")
	opener := b.Unwrapper
	b.Unwrapper = meanwhile{opener, func() { b.write("a", []byte("of somebody")) }}
	results := b.run("")
	b.want(results, map[string]State{"a.cms": Failed})
	if !errors.Is(results[0].Err, fs.ErrExist) {
		t.Errorf("error %v, want ErrExist", results[0].Err)
	}
	b.files(map[string]string{"a": "of somebody"})

	b = newBench(t)
	b.Remove = true
	b.seal("a.cms", "content")
	newer := cmstest.Seal(t, "newer", cms.Options{}, b.cert)
	b.Unwrapper = meanwhile{opener, func() {
		b.write("new", newer)
		// Windows would not replace a file that is open.
		if err := errors.Join(os.Rename(b.path("a.cms"), b.path("older")), os.Rename(b.path("new"), b.path("a.cms"))); err != nil {
			t.Error(err)
		}
	}}
	results = b.run("")
	if !errors.Is(results[0].Err, ErrChanged) {
		t.Errorf("error %v, want ErrChanged", results[0].Err)
	}
	if data, _ := os.ReadFile(b.path("a.cms")); !bytes.Equal(data, newer) {
		t.Error("the newer source is gone")
	}
}

func TestRunCollisions(t *testing.T) {
	b := newBench(t)
	b.seal("a.cms", "one")
	b.seal("a.enc", "two")
	b.seal("b.cms", "b")
	results := b.run("")
	b.want(results, map[string]State{"a.cms": Failed, "a.enc": Failed, "b.cms": Opened})
	if got := results[0].Err.Error(); !strings.HasSuffix(got, "a.enc") {
		t.Errorf("error %q does not name the other", got)
	}
	b.files(map[string]string{"b": "b"})
}

func TestRunTo(t *testing.T) {
	b := newBench(t)
	b.To = t.TempDir()
	b.Match = []string{"secret-*", "*.sealed"}
	b.seal("secret-one", "1")
	b.seal("two.sealed", "2")
	b.seal("three.cms", "3")
	b.seal("four.sealed", "4")
	b.want(b.run("", "three.cms"), map[string]State{"secret-one": Opened, "two.sealed": Opened, "three.cms": Opened, "four.sealed": Opened})
	b.dir = b.To
	b.Match = nil
	b.files(map[string]string{"secret-one": "1", "two": "2", "three": "3", "four": "4"})
}

func TestRunRemove(t *testing.T) {
	b := newBench(t)
	b.Remove = true
	b.seal("a.cms", "a")
	b.write("bad.cms", []byte("hello"))
	b.want(b.run(""), map[string]State{"a.cms": Opened, "bad.cms": Failed})
	if _, err := os.Stat(b.path("a.cms")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the source is there: %v", err)
	}
	if _, err := os.Stat(b.path("bad.cms")); err != nil {
		t.Error(err)
	}
	b.files(map[string]string{"a": "a"})
}

func TestMissingFile(t *testing.T) {
	b := newBench(t)
	b.seal("a.cms", "a")
	results := b.run("missing.cms", "a.cms")
	b.want(results, map[string]State{"missing.cms": Failed, "a.cms": Opened})
	if !errors.Is(results[0].Err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", results[0].Err)
	}
}

// absent fails after some uses, like an agent that goes away.
type absent struct {
	decrypt.Unwrapper
	uses atomic.Int32
}

var errAbsent = errors.New("absent")

func (a *absent) Unwrap(ctx context.Context, w *cms.WrappedKey) ([]byte, error) {
	if a.uses.Add(1) > 5 {
		return nil, errAbsent
	}
	return a.Unwrapper.Unwrap(ctx, w)
}

func TestFatal(t *testing.T) {
	b := newBench(t)
	for i := range 200 {
		b.seal(fmt.Sprint(i, ".cms"), "x")
	}
	agent := &absent{Unwrapper: b.Unwrapper}
	b.Unwrapper, b.Jobs, b.Fatal = agent, 3, func(err error) bool { return errors.Is(err, errAbsent) }
	results, err := b.Opener.Run(t.Context(), b.Find([]string{b.dir}), nil)
	if !errors.Is(err, errAbsent) {
		t.Errorf("error %v", err)
	}
	if n := agent.uses.Load(); n > 9 {
		t.Errorf("tried %d times", n)
	}
	if tally := Tally(results); tally[Opened] > 5 || tally[Opened]+tally[Failed] != 200 {
		t.Errorf("%v, want at most 5 opened", tally)
	}
}
