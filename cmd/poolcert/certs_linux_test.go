package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/local"
	"poolcert/internal/cli"
	"poolcert/internal/localsock"
	"poolcert/internal/testcert"
	"poolcert/internal/testfolder"
)

// An agentOf is a node's agent as a caller meets it.
type agentOf struct {
	grant   local.Grant
	refusal error
	access  []local.Access
}

// grantOf lists certificates, and opens nothing.
type grantOf []local.Certificate

func (g grantOf) Certificates() []local.Certificate { return g }

func (g grantOf) PrivateKey(context.Context, func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	return nil, nil, decrypt.ErrNoRecipient
}

// serve answers on a socket, whose path it returns.
func (a agentOf) serve(t *testing.T) string {
	t.Helper()
	path := filepath.Join(testfolder.New(t, ""), "s")
	l, err := localsock.Listen(path, localsock.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := local.NewServer(local.Config{
		Authorize: func(context.Context, localsock.Caller) (local.Grant, error) { return a.grant, a.refusal },
		Explain:   func(localsock.Caller) []local.Access { return a.access },
		Log:       slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return path
}

func TestCertsAndExplain(t *testing.T) {
	t.Setenv("POOLCERT_CONFIG", "")
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CONFIG_HOME", "")
	pair := testcert.RSA(t)
	tp := pair.Thumbprint().String()
	entry := local.Certificate{Thumbprint: pair.Thumbprint(), Subject: "CN=one\x1b[2J", NotAfter: time.Now().Add(time.Hour), Visibility: []batch.Visibility{batch.Task}, HasKey: true}
	public, expired := entry, entry
	public.HasKey = false
	expired.NotAfter = time.Now().Add(-time.Hour)
	task := local.Access{Visibility: batch.Task, Allowed: true, Rule: "group poolcert-task"}
	start := local.Access{Visibility: batch.StartTask, Rule: "it is for root"}
	notTask := local.Access{Visibility: batch.Task, Rule: "it is for group poolcert-task, root"}
	installed := t.TempDir()
	if err := os.MkdirAll(filepath.Join(installed, "current", "task"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(installed, "current", "task", "sha1-"+tp+".pfx"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := &local.RefusedError{Reason: "uid 1 is nobody"}
	for name, test := range map[string]struct {
		agent       agentOf
		installed   string
		certsCode   int
		certs       string
		explainCode int
		explain     string
	}{
		"usable":     {agentOf{grant: grantOf{entry}, access: []local.Access{task, start}}, installed, 0, tp, 0, "This process can open secrets"},
		"expired":    {agentOf{grant: grantOf{expired}, access: []local.Access{task}}, installed, 0, "(past)", 0, "it still opens secrets"},
		"public":     {agentOf{grant: grantOf{public}, access: []local.Access{task}}, installed, 0, "no private key", cli.ExitNoCertificate, "error: file: it came without its private key"},
		"none":       {agentOf{grant: grantOf{}, access: []local.Access{task, start}}, t.TempDir(), 0, "no certificate for you", cli.ExitNoCertificate, "error: file: this node has it not"},
		"refused":    {agentOf{refusal: refused, access: []local.Access{notTask}}, installed, cli.ExitNotAllowed, "Not those with visibility task: it is for group poolcert-task", cli.ExitNotAllowed, "error: access: it is installed for visibility task, which this process may not use"},
		"not to see": {agentOf{refusal: refused, access: []local.Access{notTask}}, filepath.Join(t.TempDir(), "none"), cli.ExitNotAllowed, "not allowed", cli.ExitNoCertificate, "error: file"},
	} {
		t.Run(name, func(t *testing.T) {
			socket := test.agent.serve(t)
			for _, c := range []struct {
				args []string
				code int
				want string
			}{
				{[]string{"certs", "--socket", socket}, test.certsCode, test.certs},
				{[]string{"certs", "--socket", socket, "--json"}, test.certsCode, `"access"`},
				{[]string{"explain", "--socket", socket, "--certificates-dir", test.installed, strings.ToUpper(tp)}, test.explainCode, test.explain},
			} {
				var out bytes.Buffer
				code := run(t.Context(), c.args, strings.NewReader(""), &out, &out)
				if code != c.code || !strings.Contains(out.String(), c.want) {
					t.Errorf("%s: exit code %d, want %d with %q:\n%s", c.args[0], code, c.code, c.want, out.String())
				}
				if strings.Contains(out.String(), "\x1b[2J") {
					t.Errorf("%s redraws the terminal", c.args[0])
				}
			}
		})
	}
}
