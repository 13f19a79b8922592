//go:build unix

package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/osuser"
	"poolcert/internal/testcert"
	"poolcert/store"
)

// To try again what fails for want of a group writes nothing, until there is one.
func TestMissingGroupIsNoReasonToWrite(t *testing.T) {
	dir := t.TempDir()
	agenttest.FakeGetent(t, fmt.Sprintf("[ -e %s/made ] || exit 2\necho \"$2:x:%d:\"", dir, os.Getegid()))
	c := newTestConfig(dir)
	c.Owners.RemoteUser.Group = "poolcert-late"
	c.RemoteUser.Users = nil
	dirStore, lock, err := New(Options{Config: c}).openStore()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	entry := func(name string, visibility ...batch.Visibility) store.Entry {
		pair := testcert.RSA(t, testcert.Name(name))
		h, err := newHolding(t.Context(), pair.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: pair.PFX("pw"), Password: "pw"})
		if err != nil {
			t.Fatal(err)
		}
		return h.entry(refTo(pair.Thumbprint(), visibility...).WithDefaults())
	}
	one, two := entry("one", batch.Task), entry("two")
	generation := func(failures int, entries ...store.Entry) string {
		t.Helper()
		failed, err := dirStore.Replace(t.Context(), entries)
		if err != nil || len(failed) != failures {
			t.Fatalf("Replace: %v, %v; want %d failures", failed, err, failures)
		}
		target, err := os.Readlink(filepath.Join(c.CertificatesDir, "current"))
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	first := generation(1, one, two)
	if again := generation(1, one, two); again != first {
		t.Errorf("the same set was written again: %s, then %s", first, again)
	}
	if other := generation(1, two); other == first {
		t.Error("another set was not written")
	}
	first = generation(1, one, two)
	if err := os.WriteFile(filepath.Join(dir, "made"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	osuser.Forget()
	if again := generation(0, one, two); again == first {
		t.Error("the set was not written when the group was there")
	}
	before := generation(0, one, two)
	if err := dirStore.Withdraw(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if again := generation(0, one, two); again == before {
		t.Error("the set was not written after it was withdrawn")
	}
}
