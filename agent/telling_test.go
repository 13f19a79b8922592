//go:build unix

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/nodeapi"
)

// ask returns what the socket answers to a path.
func (a *testAgent) ask(path string) (code int, body []byte) {
	a.t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return localsock.Dial(ctx, a.config.Socket)
	}}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("http://node" + path)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		a.t.Fatal(err)
	}
	return response.StatusCode, body
}

// Nothing that the agent tells, to whomever and however much, has a key, a
// password or a plaintext: not when all goes well, and not in its errors.
func TestWhatTheAgentTellsHoldsNoSecret(t *testing.T) {
	s := agenttest.NewService(t)
	good, secret := testSecret(t, s, "good", "rsa2048b", "A-Password-Of-Its-Own")
	plain := "the plaintext of a task"
	secret["plaintext"] = []byte(plain)

	// Failures of each kind: a wrong password, a PFX for another thumbprint, no PFX.
	wrong, its := testSecret(t, s, "wrong", "rsa3072", "Another-Password")
	for what, data := range its {
		secret["of the wrong one, "+what] = data
	}
	s.Add(wrong.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: wrong.PFX("Another-Password"), Password: "A-Wrong-Password"})
	secret["wrong password"] = []byte("A-Wrong-Password")
	swapped, broken := batch.Thumbprint{1}, batch.Thumbprint{2}
	s.Add(swapped, &nodeapi.Certificate{Format: batch.FormatPFX, Data: wrong.PFX("Another-Password"), Password: "Another-Password"})
	s.Add(broken, &nodeapi.Certificate{Format: batch.FormatPFX, Data: wrong.PFX("Another-Password")[:700], Password: "Another-Password"})
	s.SetReferences(refTo(good.Thumbprint()), refTo(wrong.Thumbprint()), refTo(swapped), refTo(broken))

	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed failed failed failed", good.Thumbprint(), wrong.Thumbprint(), swapped, broken))

	client := local.Dial(a.config.Socket)
	defer client.Close()
	message := cmstest.Seal(t, plain, cms.Options{}, good.Cert)
	if got, err := client.Decrypt(t.Context(), bytes.NewReader(message)); err != nil || string(got) != plain {
		t.Errorf("decrypt: %q, %v", got, err)
	}
	message[len(message)-1] ^= 1
	_, err := client.Decrypt(t.Context(), bytes.NewReader(message))
	if err == nil {
		t.Fatal("an altered message was opened")
	}
	secret.wantNone(t, "the error of a message", []byte(err.Error()))

	// Drift, and the outage of the service.
	pfx := filepath.Join(a.config.CertificatesDir, "current", "task", "sha1-"+batch.Thumbprint(good.Thumbprint()).String()+".pfx")
	if err := os.Remove(pfx); err != nil {
		t.Fatal(err)
	}
	s.Fail(500)
	waitFor(t, func() bool { return a.status().State == StateDisconnected })
	s.Fail(0)
	waitFor(t, func() bool { return a.status().State == StateConnected })
	s.SetReferences()
	s.AwaitReport(t.Context(), reports("removed removed removed removed", good.Thumbprint(), wrong.Thumbprint(), swapped, broken))

	status, err := json.Marshal(a.status())
	if err != nil {
		t.Fatal(err)
	}
	secret.wantNone(t, "the status", status)
	for _, path := range []string{statusPath, "/v1/certificates", "/metrics", "/healthz", "/readyz", "/nothing"} {
		_, body := a.ask(path)
		secret.wantNone(t, path, body)
	}
	a.stop()
	if log := a.log.String(); len(log) < 1000 {
		t.Errorf("the log at debug level is only %q", log)
	} else {
		secret.wantNone(t, "the log", []byte(log))
	}
	if reported := s.Reported(); !bytes.Contains(reported, []byte("failed")) {
		t.Errorf("the reports are %q", reported)
	} else {
		secret.wantNone(t, "a report", reported)
	}
	secret.wantNoFile(t, a.config.StateDir)
}
