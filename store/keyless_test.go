package store_test

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/store"
	"poolcert/store/storetest"
)

// secrets returns the files below root, of all generations, that are no
// certificates, by their path within a generation.
func secrets(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(root, "generations"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasSuffix(path, ".cer") {
			found = append(found, filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func keyless(root string, visibilities ...batch.Visibility) store.DirOptions {
	o := options(root)
	o.Keyless = visibilities
	return o
}

// A keyless folder has the certificate and nothing else; the key works all the same.
func TestKeylessFolderHasNoKeys(t *testing.T) {
	root := newRoot(t)
	a, b := storetest.PFX(t, "a"), storetest.CER(t, "b")
	d := openDir(t, keyless(root, batch.Task, batch.StartTask))
	replace(t, d, a, b)
	for _, name := range secrets(t, root) {
		if !strings.HasPrefix(name, "remoteuser/") {
			t.Errorf("%s is there", name)
		}
	}
	for _, e := range []store.Entry{a, b} {
		if _, err := os.Stat(filepath.Join(root, "current", "task", "sha1-"+e.Reference.Thumbprint.String()+".cer")); err != nil {
			t.Error(err)
		}
	}
	if _, key, err := d.PrivateKey(t.Context(), []batch.Visibility{batch.Task}, func(*x509.Certificate) bool { return true }); err != nil || key != a.Bundle.Key {
		t.Errorf("PrivateKey: %v, %v", key, err)
	}
	// A key file that somebody puts there is drift.
	stray := filepath.Join(root, "current", "task", "sha1-"+a.Reference.Thumbprint.String()+".pfx")
	if err := os.WriteFile(stray, a.Data, 0o440); err != nil {
		t.Fatal(err)
	}
	if drifts, err := d.Repair(t.Context()); err != nil || len(drifts) != 1 || drifts[0].Path != "current/task/"+filepath.Base(stray) {
		t.Errorf("Repair = %v, %v", drifts, err)
	}
	if _, err := os.Stat(stray); err == nil {
		t.Error("the key is still there")
	}
}

// To open a directory without keys removes those of an earlier process, from kept
// generations too, before the first Replace; and back again they come.
func TestKeysGoWhenADirectoryIsOpenedKeyless(t *testing.T) {
	root := newRoot(t)
	a, b := storetest.PFX(t, "a"), storetest.PFX(t, "b")
	d := openDir(t, options(root))
	replace(t, d, a)
	replace(t, d, a, b)
	all := batch.Visibilities()
	if got := len(secrets(t, root)); got != 2*2*3+2*3 { // both generations have a
		t.Fatalf("%d secret files, the test needs 18", got)
	}
	openDir(t, keyless(root, batch.Task))
	for _, name := range secrets(t, root) {
		if strings.HasPrefix(name, "task/") {
			t.Errorf("%s is left", name)
		}
	}
	d = openDir(t, keyless(root, all...))
	if left := secrets(t, root); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	replace(t, d, a, b)
	if left := secrets(t, root); len(left) > 0 {
		t.Errorf("installed: %v", left)
	}
	replace(t, openDir(t, options(root)), a, b)
	if got := len(secrets(t, root)); got != 2*2*3 {
		t.Errorf("%d secret files are back, want 12", got)
	}
}

// The same without a restart, and when only Withdraw works.
func TestSetKeyless(t *testing.T) {
	root := newRoot(t)
	a := storetest.PFX(t, "a")
	d := openDir(t, options(root))
	replace(t, d, a)
	d.SetKeyless(batch.Visibilities())
	if err := d.Withdraw(t.Context(), []batch.CertificateReference{a.Reference}); err != nil {
		t.Fatal(err)
	}
	if left := secrets(t, root); len(left) > 0 {
		t.Errorf("left after Withdraw: %v", left)
	}
	d.SetKeyless(nil)
	replace(t, d, a)
	d.SetKeyless(batch.Visibilities())
	replace(t, d, a)
	if left := secrets(t, root); len(left) > 0 {
		t.Errorf("left after Replace: %v", left)
	}
}
