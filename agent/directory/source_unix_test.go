//go:build unix

package directory

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

func read(t *testing.T, f *agenttest.Folder) (*nodeapi.References, error) {
	return New(f.Path).References(t.Context(), "", 0)
}

func TestDirectoryForms(t *testing.T) {
	f := agenttest.NewFolder(t)
	inText, inFile, whole, apart, cer := testcert.RSA(t, testcert.Name("text")), testcert.RSA(t, testcert.Name("file")),
		testcert.RSA(t, testcert.Name("whole")), testcert.RSA(t, testcert.Name("apart")), testcert.RSA(t, testcert.Name("cer"))
	f.Write("text.pfx", string(inText.PFX("in text")), 0o600)
	f.Write("file.pfx", string(inFile.PFX("in file")), 0o640)
	f.Write("file.password", "in file\n", 0o400)
	f.Write("whole.pem", string(whole.CertPEM())+string(whole.KeyPEM()), 0o600)
	f.Write("apart.crt", string(apart.CertPEM()), 0o644)
	f.Write("apart.key", string(apart.KeyPEM()), 0o600)
	f.Write("plain.cer", string(cer.Cert.Raw), 0o644)
	f.References(`
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
	d := New(f.Path)
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
		if pair == cer {
			if c.Format != batch.FormatCER || !bytes.Equal(c.Data, cer.Cert.Raw) {
				t.Errorf("certificate %d is %+v", i, c)
			}
			continue
		}
		bundle, err := pfx.Decode(t.Context(), c.Data, string(c.Password), pfx.Options{Thumbprint: r.Thumbprint})
		if err != nil || bundle.Key == nil {
			t.Errorf("certificate %d: no key, or error %v", i, err)
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
	if other, err := read(t, f); err != nil || other.Revision != doc.Revision {
		t.Errorf("after a restart, the same files give %v, %v", other, err)
	}
	before := d.current.certificates[whole.Thumbprint()]
	f.Write("file.password", "in file", 0o400) // the same one
	if _, err := d.References(t.Context(), doc.Revision, 0); err != nil || d.current.certificates[whole.Thumbprint()] != before {
		t.Errorf("a certificate that is the same was made anew (%v)", err)
	}
	f.References("certificate = []\n")
	if next, err := d.References(t.Context(), doc.Revision, 0); err != nil || next == nil || len(next.References) != 0 {
		t.Errorf("no certificates: %+v, %v", next, err)
	}
	if _, err := d.Certificate(t.Context(), cer.Thumbprint()); !nodeapi.Refused(err, nodeapi.CodeNotAllowed) {
		t.Errorf("what the folder has no more: %v", err)
	}
}

// One thing that is wrong, and the whole folder is refused, with what and where.
func TestDirectoryRefuses(t *testing.T) {
	pair := testcert.RSA(t, testcert.Name("one"))
	const good = "[[certificate]]\nfile = \"a.pfx\"\npassword = \"pw\"\n"
	for name, test := range map[string]struct {
		change func(f *agenttest.Folder)
		want   string
	}{
		"no references":     {func(f *agenttest.Folder) { os.Remove(filepath.Join(f.Path, referencesFile)) }, "references.toml: no such file"},
		"no folder":         {func(f *agenttest.Folder) { os.RemoveAll(f.Path) }, "no such file"},
		"empty":             {func(f *agenttest.Folder) { f.References("") }, "no [[certificate]]"},
		"cut at the end":    {func(f *agenttest.Folder) { f.References(strings.TrimSuffix(good, "\n")) }, "may be cut"},
		"unknown key":       {func(f *agenttest.Folder) { f.References(good + "pasword = 1\n") }, "references.toml: line 4: unknown key certificate.pasword"},
		"syntax":            {func(f *agenttest.Folder) { f.References(good + "x\n") }, "references.toml: line 4"},
		"no file key":       {func(f *agenttest.Folder) { f.References("[[certificate]]\npassword = \"x\"\n") }, "certificate 1 has no file"},
		"two passwords":     {func(f *agenttest.Folder) { f.References(good + "password_file = \"p\"\n") }, "both password and password_file"},
		"bad visibility":    {func(f *agenttest.Folder) { f.References(good + "visibility = [\"all\"]\n") }, "visibility"},
		"bad name":          {func(f *agenttest.Folder) { f.References(good + "name = \"../x\"\n") }, `references.toml: line 4: certificate.name: not a certificate name: "../x"`},
		"another folder":    {func(f *agenttest.Folder) { f.References("[[certificate]]\nfile = \"../a.pfx\"\n") }, "not the name of a file"},
		"missing file":      {func(f *agenttest.Folder) { f.References(good + "[[certificate]]\nfile = \"b.pfx\"\n") }, "b.pfx: no such file"},
		"wrong password":    {func(f *agenttest.Folder) { f.References(strings.Replace(good, "pw", "no", 1)) }, "a.pfx: read PFX: wrong password"},
		"other thumbprint":  {func(f *agenttest.Folder) { f.References(good + "thumbprint = \"" + strings.Repeat("ab", 20) + "\"\n") }, "a.pfx: "},
		"twice":             {func(f *agenttest.Folder) { f.References(good + good) }, "another file has the certificate"},
		"half a file":       {func(f *agenttest.Folder) { f.Write("a.pfx", string(pair.PFX("pw")[:900]), 0o600) }, "a.pfx: "},
		"too large":         {func(f *agenttest.Folder) { f.Write("a.pfx", strings.Repeat("x", nodeapi.MaxData+1), 0o600) }, "a.pfx: larger than"},
		"key for all":       {func(f *agenttest.Folder) { f.Write("a.pfx", string(pair.PFX("pw")), 0o604) }, "a.pfx: others can read it"},
		"password for all":  {func(f *agenttest.Folder) { f.Write(referencesFile, good, 0o644) }, "references.toml: others can read the passwords"},
		"file for others":   {func(f *agenttest.Folder) { f.Write("a.pfx", string(pair.PFX("pw")), 0o620) }, "a.pfx: others can change it"},
		"folder for others": {func(f *agenttest.Folder) { os.Chmod(f.Path, 0o770) }, "others can change it"},
		"a pipe": {func(f *agenttest.Folder) {
			os.Remove(filepath.Join(f.Path, "a.pfx"))
			syscall.Mkfifo(filepath.Join(f.Path, "a.pfx"), 0o600)
		}, "a.pfx: not a regular file"},
		"a link out": {func(f *agenttest.Folder) {
			os.Remove(filepath.Join(f.Path, "a.pfx"))
			os.Symlink("/etc/hostname", filepath.Join(f.Path, "a.pfx"))
		}, "a.pfx: "},
		"key of another": {func(f *agenttest.Folder) {
			f.Write("c.pem", string(pair.CertPEM()), 0o600)
			f.Write("k.pem", string(testcert.ECDSA(t, testcert.Name("two")).KeyPEM()), 0o600)
			f.References("[[certificate]]\nfile = \"c.pem\"\nkey_file = \"k.pem\"\n")
		}, "c.pem: private key"},
		"all are named": {func(f *agenttest.Folder) {
			f.References("[[certificate]]\nfile = \"x\"\n[[certificate]]\nfile = \"y\"\n")
		}, "x: no such file or directory; y: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			f := agenttest.NewFolder(t)
			f.Write("a.pfx", string(pair.PFX("pw")), 0o600)
			f.References(good)
			if _, err := read(t, f); err != nil {
				t.Fatal(err)
			}
			test.change(f)
			_, err := read(t, f)
			var source *Error
			if !errors.As(err, &source) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestDirectoryOfAnotherUser(t *testing.T) {
	testtool.NeedRoot(t, "as this test does")
	f := agenttest.NewFolder(t)
	f.References("certificate = []\n")
	if err := os.Chown(f.Path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, f); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
		t.Errorf("got %v", err)
	}
}

// Somebody writes the files slowly and in place: no half of them is ever installed.
func TestDirectoryIsReadWhenItRests(t *testing.T) {
	f := agenttest.NewFolder(t)
	pair := testcert.RSA(t, testcert.Name("one"))
	f.Write("a.pfx", string(pair.PFX("pw")), 0o600)
	f.References("[[certificate]]\nfile = \"a.pfx\"\npassword = \"pw\"\n")
	root, err := os.OpenRoot(f.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	reading := &folder{root: root}
	if _, err := reading.snapshot(t.Context(), nil); err != nil || reading.changed() {
		t.Fatalf("at rest: %v, changed %v", err, reading.changed())
	}
	d := New(f.Path)
	d.step = func() { f.References("certificate = []\n") }
	if _, err := d.References(t.Context(), "", 0); !errors.Is(err, errBusy) {
		t.Errorf("while somebody writes: %v", err)
	}
	for name, change := range map[string]func(){
		"appended": func() { f.Write("a.pfx", string(pair.PFX("pw"))+"x", 0o600) },
		"touched":  func() { os.Chtimes(filepath.Join(f.Path, "a.pfx"), time.Time{}, time.Now().Add(time.Second)) },
		"replaced": func() { f.References("certificate = []\n") },
		"removed":  func() { os.Remove(filepath.Join(f.Path, "a.pfx")) },
	} {
		f.Write("a.pfx", string(pair.PFX("pw")), 0o600)
		f.References("[[certificate]]\nfile = \"a.pfx\"\npassword = \"pw\"\n")
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
	f := agenttest.NewFolder(t)
	parent := filepath.Dir(f.Path)
	link := filepath.Join(parent, "link")
	if err := os.Symlink("certs.d", link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		of, path string
		want     bool
	}{
		{f.Path, filepath.Join(f.Path, referencesFile), true},
		{f.Path + "/", filepath.Join(f.Path, referencesFile), true},
		{f.Path, f.Path, true},
		{f.Path, filepath.Join(parent, "agent.log"), false},
		{f.Path, link, false},
		{link, link, true},
		{link, f.Path, true},
		{link, filepath.Join(f.Path, "x"), true},
		{link, filepath.Join(parent, "agent.log"), false},
	} {
		if got := New(test.of).matters(test.path); got != test.want {
			t.Errorf("%s: %s matters: %v, want %v", test.of, test.path, got, test.want)
		}
	}
}
