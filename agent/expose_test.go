//go:build unix

package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/decrypt/local"
	"poolcert/internal/testcert"
)

// wantOpens fails unless a local caller opens a secret with the key of pair.
func (a *testAgent) wantOpens(pair *testcert.Pair) {
	a.t.Helper()
	plain := []byte("opened by the agent")
	client := local.Dial(a.config.Socket)
	defer client.Close()
	got, err := client.Decrypt(a.t.Context(), bytes.NewReader(cmstest.Seal(a.t, plain, cms.Options{}, pair.Cert)))
	if err != nil || !bytes.Equal(got, plain) {
		a.t.Errorf("decrypt through the agent: %q, %v", got, err)
	}
}

// With decrypt-only no file has a key, from the start of the agent on, with the
// service or without it; and tasks decrypt all the same.
func TestDecryptOnly(t *testing.T) {
	s := agenttest.NewService(t)
	pair, secret := testSecret(t, s, "one", "rsa2048b", "A-Password-Of-Its-Own")
	s.SetReferences(refTo(pair.Thumbprint()))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", pair.Thumbprint()))
	a.wantInstalled(pair.Thumbprint())
	secret.wantNoFile(t, a.config.StateDir)
	a.stop()

	s.Stop()
	a.config.Expose = ExposeDecryptOnly
	a.start()
	a.awaitReady()
	a.wantInstalled()
	cer := filepath.Join(a.config.CertificatesDir, "current", "task", "sha1-"+batch.Thumbprint(pair.Thumbprint()).String()+".cer")
	if _, err := os.Stat(cer); err != nil {
		t.Error(err)
	}
	a.wantOpens(pair)
	s.Start()
	s.AwaitReport(t.Context(), reports("installed", pair.Thumbprint()))
	a.stop()
	secret.wantNoFile(t, a.config.CertificatesDir)
	secret.wantNoFile(t, a.config.StateDir)

	a.config.Owners.Task.Expose = ExposeFiles
	a.start()
	a.awaitReady()
	a.wantInstalled(pair.Thumbprint())
	for _, v := range []batch.Visibility{batch.StartTask, batch.RemoteUser} {
		secret.wantNoFile(t, filepath.Join(a.config.CertificatesDir, "current", string(v)))
	}
	a.wantOpens(pair)
}

// When the last-known-good set cannot be read, an agent that exposes no keys any
// more still removes those of its predecessor.
func TestDecryptOnlyWithoutASet(t *testing.T) {
	s := agenttest.NewService(t)
	pair, secret := testSecret(t, s, "one", "rsa2048b", "A-Password-Of-Its-Own")
	s.SetReferences(refTo(pair.Thumbprint()))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", pair.Thumbprint()))
	a.stop()

	s.Fail(503)
	path := filepath.Join(a.config.StateDir, statedir.LastGoodFile)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // an error, which says nothing of another node
		t.Fatal(err)
	}
	a.config.Expose = ExposeDecryptOnly
	a.start()
	waitFor(t, func() bool { return strings.Contains(a.log.String(), "last-known-good set not used") })
	secret.wantNoFile(t, a.config.CertificatesDir)
}
