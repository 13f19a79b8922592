//go:build unix

package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// A testFolder is a directory source's folder.
type testFolder struct {
	t    *testing.T
	path string
}

func newTestFolder(t *testing.T) *testFolder {
	f := &testFolder{t, filepath.Join(t.TempDir(), "certs.d")}
	if err := os.Mkdir(f.path, 0o700); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *testFolder) write(name, content string, mode os.FileMode) {
	f.t.Helper()
	path := filepath.Join(f.path, name)
	if err := errors.Join(os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode)); err != nil {
		f.t.Fatal(err)
	}
}

// references writes references.toml as configuration management should: in one step.
func (f *testFolder) references(text string) {
	f.t.Helper()
	f.write("references.new", text, 0o600)
	if err := os.Rename(filepath.Join(f.path, "references.new"), filepath.Join(f.path, referencesFile)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *testFolder) read() (*nodeapi.References, error) {
	return newDirectory(f.path).References(f.t.Context(), "", 0)
}

func TestDirectoryForms(t *testing.T) {
	f := newTestFolder(t)
	inText, inFile, whole, apart, cer := testcert.RSA(t, testcert.Name("text")), testcert.RSA(t, testcert.Name("file")),
		testcert.RSA(t, testcert.Name("whole")), testcert.RSA(t, testcert.Name("apart")), testcert.RSA(t, testcert.Name("cer"))
	f.write("text.pfx", string(inText.PFX("in text")), 0o600)
	f.write("file.pfx", string(inFile.PFX("in file")), 0o640)
	f.write("file.password", "in file\n", 0o400)
	f.write("whole.pem", string(whole.CertPEM())+string(whole.KeyPEM()), 0o600)
	f.write("apart.crt", string(apart.CertPEM()), 0o644)
	f.write("apart.key", string(apart.KeyPEM()), 0o600)
	f.write("plain.cer", string(cer.Cert.Raw), 0o644)
	f.references(`
[[certificate]]
file = "text.pfx"
password = "in text"
thumbprint = "` + strings.ToUpper(batch.Thumbprint(inText.Thumbprint()).String()) + `"
visibility = ["task"]

[[certificate]]
file = "file.pfx"
password_file = "file.password"
store_location = "LocalMachine"
store_name = "Other"
name = "Storage-Key"

[[certificate]]
file = "whole.pem"
name = "storage-key"

[[certificate]]
file = "apart.crt"
key_file = "apart.key"

[[certificate]]
file = "plain.cer"
`)
	d := newDirectory(f.path)
	doc, err := d.References(t.Context(), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range []*testcert.Pair{inText, inFile, whole, apart, cer} {
		r := doc.References[i]
		c, err := d.Certificate(t.Context(), r.Thumbprint)
		if err != nil || r.Thumbprint != pair.Thumbprint() {
			t.Fatalf("certificate %d is %s, %v", i, r.Thumbprint, err)
		}
		h, err := newHolding(t.Context(), r.Thumbprint, c)
		if err != nil {
			t.Errorf("certificate %d: %v", i, err)
		} else if hasKey := h.bundle.Key != nil; hasKey != (pair != cer) {
			t.Errorf("certificate %d has a key: %v", i, hasKey)
		}
	}
	if r := doc.References[0]; len(r.Visibility) != 1 || r.Visibility[0] != batch.Task {
		t.Errorf("visibility %v", r.Visibility)
	}
	if r := doc.References[1]; r.StoreLocation != batch.LocalMachine || r.StoreName != "Other" || len(r.Visibility) != 3 || r.Name != "Storage-Key" || doc.References[2].Name != "storage-key" {
		t.Errorf("reference %+v", r)
	}

	if again, err := d.References(t.Context(), doc.Revision, 0); again != nil || err != nil {
		t.Errorf("the same files give %+v, %v", again, err)
	}
	if other, err := f.read(); err != nil || other.Revision != doc.Revision {
		t.Errorf("after a restart, the same files give %v, %v", other, err)
	}
	before := d.current.certificates[whole.Thumbprint()]
	f.write("file.password", "in file", 0o400) // the same one
	if _, err := d.References(t.Context(), doc.Revision, 0); err != nil || d.current.certificates[whole.Thumbprint()] != before {
		t.Errorf("a certificate that is the same was made anew (%v)", err)
	}
	f.references("certificate = []\n")
	if next, err := d.References(t.Context(), doc.Revision, 0); err != nil || next == nil || len(next.References) != 0 {
		t.Errorf("no certificates: %+v, %v", next, err)
	}
	if _, err := d.Certificate(t.Context(), cer.Thumbprint()); !isStale(err) {
		t.Errorf("what the folder has no more: %v", err)
	}
}

// One thing that is wrong, and the whole folder is refused, with what and where.
func TestDirectoryRefuses(t *testing.T) {
	pair := testcert.RSA(t, testcert.Name("one"))
	const good = "[[certificate]]\nfile = \"a.pfx\"\npassword = \"pw\"\n"
	for name, test := range map[string]struct {
		change func(f *testFolder)
		want   string
	}{
		"no references":     {func(f *testFolder) { os.Remove(filepath.Join(f.path, referencesFile)) }, "references.toml: no such file"},
		"no folder":         {func(f *testFolder) { os.RemoveAll(f.path) }, "no such file"},
		"empty":             {func(f *testFolder) { f.references("") }, "no [[certificate]]"},
		"cut at the end":    {func(f *testFolder) { f.references(strings.TrimSuffix(good, "\n")) }, "may be cut"},
		"unknown key":       {func(f *testFolder) { f.references(good + "pasword = 1\n") }, "references.toml: line 4: unknown key certificate.pasword"},
		"syntax":            {func(f *testFolder) { f.references(good + "x\n") }, "references.toml: line 4"},
		"no file key":       {func(f *testFolder) { f.references("[[certificate]]\npassword = \"x\"\n") }, "certificate 1 has no file"},
		"two passwords":     {func(f *testFolder) { f.references(good + "password_file = \"p\"\n") }, "both password and password_file"},
		"bad visibility":    {func(f *testFolder) { f.references(good + "visibility = [\"all\"]\n") }, "visibility"},
		"bad name":          {func(f *testFolder) { f.references(good + "name = \"../x\"\n") }, `references.toml: line 4: certificate.name: not a certificate name: "../x"`},
		"another folder":    {func(f *testFolder) { f.references("[[certificate]]\nfile = \"../a.pfx\"\n") }, "not the name of a file"},
		"missing file":      {func(f *testFolder) { f.references(good + "[[certificate]]\nfile = \"b.pfx\"\n") }, "b.pfx: no such file"},
		"wrong password":    {func(f *testFolder) { f.references(strings.Replace(good, "pw", "no", 1)) }, "a.pfx: read PFX: wrong password"},
		"other thumbprint":  {func(f *testFolder) { f.references(good + "thumbprint = \"" + strings.Repeat("ab", 20) + "\"\n") }, "a.pfx: "},
		"twice":             {func(f *testFolder) { f.references(good + good) }, "another file has the certificate"},
		"half a file":       {func(f *testFolder) { f.write("a.pfx", string(pair.PFX("pw")[:900]), 0o600) }, "a.pfx: "},
		"too large":         {func(f *testFolder) { f.write("a.pfx", strings.Repeat("x", nodeapi.MaxData+1), 0o600) }, "a.pfx: larger than"},
		"key for all":       {func(f *testFolder) { f.write("a.pfx", string(pair.PFX("pw")), 0o604) }, "a.pfx: others can read it"},
		"password for all":  {func(f *testFolder) { f.write(referencesFile, good, 0o644) }, "references.toml: others can read the passwords"},
		"file for others":   {func(f *testFolder) { f.write("a.pfx", string(pair.PFX("pw")), 0o620) }, "a.pfx: others can change it"},
		"folder for others": {func(f *testFolder) { os.Chmod(f.path, 0o770) }, "others can change it"},
		"a pipe": {func(f *testFolder) {
			os.Remove(filepath.Join(f.path, "a.pfx"))
			syscall.Mkfifo(filepath.Join(f.path, "a.pfx"), 0o600)
		}, "a.pfx: not a regular file"},
		"a link out": {func(f *testFolder) {
			os.Remove(filepath.Join(f.path, "a.pfx"))
			os.Symlink("/etc/hostname", filepath.Join(f.path, "a.pfx"))
		}, "a.pfx: "},
		"key of another": {func(f *testFolder) {
			f.write("c.pem", string(pair.CertPEM()), 0o600)
			f.write("k.pem", string(testcert.ECDSA(t, testcert.Name("two")).KeyPEM()), 0o600)
			f.references("[[certificate]]\nfile = \"c.pem\"\nkey_file = \"k.pem\"\n")
		}, "c.pem: private key"},
		"all are named": {func(f *testFolder) {
			f.references("[[certificate]]\nfile = \"x\"\n[[certificate]]\nfile = \"y\"\n")
		}, "x: no such file or directory; y: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newTestFolder(t)
			f.write("a.pfx", string(pair.PFX("pw")), 0o600)
			f.references(good)
			if _, err := f.read(); err != nil {
				t.Fatal(err)
			}
			test.change(f)
			_, err := f.read()
			var source *SourceError
			if !errors.As(err, &source) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestDirectoryOfAnotherUser(t *testing.T) {
	testtool.NeedRoot(t, "as this test does")
	f := newTestFolder(t)
	f.references("certificate = []\n")
	if err := os.Chown(f.path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.read(); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
		t.Errorf("got %v", err)
	}
}

// newDirectoryAgent returns an agent without a service.
func newDirectoryAgent(t *testing.T) (*testAgent, *testFolder) {
	dir, err := os.MkdirTemp("", "agent") // short, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	f := newTestFolder(t)
	a := &testAgent{t: t, config: newTestConfig(dir), log: &lockedBuffer{}}
	a.config.Source, a.config.Directory.Path = SourceDirectory, f.path
	return a, f
}

// A folder is followed: what it has is installed, what it has no more goes, and
// while it cannot be used, all stays as it is.
func TestAgentFollowsADirectory(t *testing.T) {
	a, f := newDirectoryAgent(t)
	one, two := testcert.RSA(t, testcert.Name("one")), testcert.RSA(t, testcert.Name("two"))
	f.write("one.pfx", string(one.PFX("pw")), 0o600)
	f.write("two.pfx", string(two.PFX("pw")), 0o600)
	entry := func(name string) string { return "[[certificate]]\nfile = \"" + name + ".pfx\"\npassword = \"pw\"\n" }
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, "references.toml: no such file") })

	f.references(entry("one"))
	a.awaitReady()
	awaitStatus(t, a, installedAre(one.Thumbprint()))
	a.wantInstalled(one.Thumbprint())
	if s := a.status(); s.State != StateConnected || s.Source != SourceDirectory || s.Directory != f.path || s.Pool != "" || !s.Healthy {
		t.Errorf("status %+v", s)
	}

	// Half of it: the new set's other file is not here yet.
	f.references(entry("two") + entry("three"))
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, "three.pfx: no such file") })
	a.wantInstalled(one.Thumbprint())
	three := testcert.RSA(t, testcert.Name("three"))
	f.write("three.pfx", string(three.PFX("pw")), 0o600)
	awaitStatus(t, a, installedAre(two.Thumbprint(), three.Thumbprint()))

	// The folder goes, say with its mount, and the agent starts anew.
	if err := os.Rename(f.path, f.path+".away"); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, a, func(s *Status) bool { return s.ContactError != "" })
	a.stop()
	if err := os.RemoveAll(a.config.CertificatesDir); err != nil {
		t.Fatal(err)
	}
	a.start()
	a.awaitReady()
	a.wantInstalled(two.Thumbprint(), three.Thumbprint())

	// It comes back as a link, and the link is set anew.
	if err := os.Symlink(f.path+".away", f.path); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, a, func(s *Status) bool { return s.State == StateConnected })
	next := newTestFolder(t)
	next.write("one.pfx", string(one.PFX("pw")), 0o600)
	next.references(entry("one"))
	if err := errors.Join(os.Symlink(next.path, f.path+".new"), os.Rename(f.path+".new", f.path)); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, a, installedAre(one.Thumbprint()))
	next.references("certificate = []\n")
	awaitStatus(t, a, installedAre())
}

// Somebody writes the files slowly and in place: no half of them is ever installed.
func TestDirectoryIsReadWhenItRests(t *testing.T) {
	f := newTestFolder(t)
	pair := testcert.RSA(t, testcert.Name("one"))
	f.write("a.pfx", string(pair.PFX("pw")), 0o600)
	f.references("[[certificate]]\nfile = \"a.pfx\"\npassword = \"pw\"\n")
	root, err := os.OpenRoot(f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	reading := &folder{root: root}
	if _, err := reading.snapshot(t.Context(), nil); err != nil || reading.changed() {
		t.Fatalf("at rest: %v, changed %v", err, reading.changed())
	}
	d := newDirectory(f.path)
	d.step = func() { f.references("certificate = []\n") }
	if _, err := d.References(t.Context(), "", 0); !errors.Is(err, errBusy) {
		t.Errorf("while somebody writes: %v", err)
	}
	for name, change := range map[string]func(){
		"appended": func() { f.write("a.pfx", string(pair.PFX("pw"))+"x", 0o600) },
		"touched":  func() { os.Chtimes(filepath.Join(f.path, "a.pfx"), time.Time{}, time.Now().Add(time.Second)) },
		"replaced": func() { f.references("certificate = []\n") },
		"removed":  func() { os.Remove(filepath.Join(f.path, "a.pfx")) },
	} {
		f.write("a.pfx", string(pair.PFX("pw")), 0o600)
		f.references("[[certificate]]\nfile = \"a.pfx\"\npassword = \"pw\"\n")
		reading := &folder{root: root}
		if _, err := reading.snapshot(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if change(); !reading.changed() {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// What lies beside the folder, such as the agent's own log, is no news.
func TestDirectoryNews(t *testing.T) {
	f := newTestFolder(t)
	parent := filepath.Dir(f.path)
	link := filepath.Join(parent, "link")
	if err := os.Symlink("certs.d", link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		of, path string
		want     bool
	}{
		{f.path, filepath.Join(f.path, referencesFile), true},
		{f.path + "/", filepath.Join(f.path, referencesFile), true},
		{f.path, f.path, true},
		{f.path, filepath.Join(parent, "agent.log"), false},
		{f.path, link, false},
		{link, link, true},
		{link, f.path, true},
		{link, filepath.Join(f.path, "x"), true},
		{link, filepath.Join(parent, "agent.log"), false},
	} {
		if got := newDirectory(test.of).matters(test.path); got != test.want {
			t.Errorf("%s: %s matters: %v, want %v", test.of, test.path, got, test.want)
		}
	}
}

// Who writes in the folder all the time has it read once in a while, not all the time.
func TestNoiseInADirectory(t *testing.T) {
	a, f := newDirectoryAgent(t)
	f.references("certificate = []\n")
	a.start()
	a.awaitReady()
	end := time.After(3 * time.Second)
	for n := 0; ; n++ {
		select {
		case <-end:
			if polls := strings.Count(a.log.String(), "no new references"); polls > 4 {
				t.Errorf("%d polls in 3 s", polls)
			}
			return
		default:
			f.write("unused", strings.Repeat("x", n%100), 0o600)
			f.references("broken" + strings.Repeat("x", n%100) + "\n")
		}
	}
}
