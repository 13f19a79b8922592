//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"poolcert/agent"
	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

// TestScripts runs testdata, whose scripts send signals and call a shell: for Windows, see
// TestService. Each script has an account service of its own, an agent.toml for it,
// tokens in the environment, and the commands service and await.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setup(t, env) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"service":  serviceCommand,
			"await":    awaitCommand,
			"reported": reportedCommand,
			"hangup":   hangupCommand,
			"manager":  managerCommand,
			"told":     toldCommand,
		},
	})
}

type serviceKey struct{}

func setup(t *testing.T, env *testscript.Env) error {
	s, other := agenttest.NewService(t), agenttest.NewService(t)
	env.Values[serviceKey{}] = s
	env.Values[managerKey{}] = new(*net.UnixConn)

	late := s.Token(1)
	s.ExpireTokens()
	foreign := other.Token(1)
	foreign.URL = s.URL()
	env.Setenv("URL", s.URL())
	env.Setenv("URL_OTHER", other.URL())
	for name, token := range map[string]*nodeapi.Token{
		"TOKEN":           s.Token(2),
		"TOKEN_OTHER":     other.Token(9), // of another service
		"TOKEN_USED_UP":   s.Token(0),
		"TOKEN_EXPIRED":   late,
		"TOKEN_UNKNOWN":   nodeapi.NewToken(s.URL(), s.CA),
		"TOKEN_FOREIGN":   foreign,
		"TOKEN_NO_SERVER": nodeapi.NewToken("https://127.0.0.1:1", s.CA),
	} {
		env.Setenv(name, token.Encode())
	}
	pair := testcert.RSA(t, testcert.Name("one"))
	s.Add(pair.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: pair.PFX("pw"), Password: "pw"})
	env.Setenv("THUMBPRINT", batch.Thumbprint(pair.Thumbprint()).String())
	wrong := testcert.RSA(t, testcert.Name("wrong password"))
	s.Add(wrong.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: wrong.PFX("pw"), Password: "another"})
	env.Setenv("WRONG", batch.Thumbprint(wrong.Thumbprint()).String())
	expired := testcert.RSA(t, testcert.Name("expired"), testcert.Valid(time.Unix(0, 0), time.Unix(1e9, 0)))
	s.Add(expired.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: expired.PFX("pw"), Password: "pw"})
	env.Setenv("EXPIRED", batch.Thumbprint(expired.Thumbprint()).String())
	env.Setenv("NO_COLOR", "1")

	config := fmt.Sprintf(`state_dir = %q
certificates_dir = %q
socket = %q
initial_jitter = "0s"

[owners]
task = { group = "%[4]d" }
starttask = { group = "%[4]d" }
remoteuser = { group = "%[4]d" }
`, filepath.Join(env.WorkDir, "state"), filepath.Join(env.WorkDir, "certs"), filepath.Join(env.WorkDir, "s"), os.Getegid())
	// The same node without a service: directory.toml, and a PFX to put there.
	folder := filepath.Join(env.WorkDir, "certs.d")
	directory := fmt.Sprintf("source = \"directory\"\ndirectory = { path = %q }\n", folder) + config
	return errors.Join(
		os.WriteFile(filepath.Join(env.WorkDir, "agent.toml"), []byte(config), 0o644),
		os.WriteFile(filepath.Join(env.WorkDir, "decrypt-only.toml"), []byte("expose = \"decrypt-only\"\n"+config), 0o644),
		os.WriteFile(filepath.Join(env.WorkDir, "directory.toml"), []byte(directory), 0o644),
		os.WriteFile(filepath.Join(env.WorkDir, "one.pfx"), pair.PFX("pw"), 0o600),
	)
}

// service references THUMBPRINT... | evict | stop
func serviceCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := ts.Value(serviceKey{}).(*agenttest.Service)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: service references THUMBPRINT... | evict | stop")
	}
	switch args[0] {
	case "references":
		var references []batch.CertificateReference
		for _, arg := range args[1:] {
			thumbprint, err := batch.ParseThumbprint(arg)
			ts.Check(err)
			references = append(references, batch.CertificateReference{Thumbprint: thumbprint})
		}
		s.SetReferences(references...)
	case "evict":
		s.Evict()
	case "stop":
		s.Stop()
	default:
		ts.Fatalf("service: no verb %q", args[0])
	}
}

// hangup sends SIGHUP to what runs in the background.
func hangupCommand(ts *testscript.TestScript, neg bool, args []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGHUP))
	}
}

// reported PATTERN waits until a status that the service was told, as JSON, matches.
func reportedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: reported PATTERN")
	}
	pattern := regexp.MustCompile(args[0])
	late := time.After(20 * time.Second)
	var last []byte
	for !pattern.Match(last) {
		select {
		case <-late:
			ts.Fatalf("reported %s: the last report is %s", args[0], last)
		case report := <-ts.Value(serviceKey{}).(*agenttest.Service).Reports:
			var err error
			last, err = json.Marshal(report)
			ts.Check(err)
		}
	}
}

// await [-socket PATH] PATTERN waits until the agent's status, as JSON, matches.
func awaitCommand(ts *testscript.TestScript, neg bool, args []string) {
	socket := "s"
	if len(args) == 3 && args[0] == "-socket" {
		socket, args = args[1], args[2:]
	}
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await [-socket PATH] PATTERN")
	}
	pattern := regexp.MustCompile(args[0])
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	var last []byte
	for !pattern.Match(last) {
		select {
		case <-ctx.Done():
			ts.Fatalf("await %s: the last status is %s", args[0], last)
		case <-tick.C:
		}
		if status, err := agent.QueryStatus(ctx, ts.MkAbs(socket)); err == nil {
			last, err = json.Marshal(status)
			ts.Check(err)
		}
	}
}
