package local_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

var (
	consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")
	space        = regexp.MustCompile(`\s+`)
)

// Each command of docs/local-api.md is run, and answers what stands there; "..."
// stands for anything.
func TestDocumentedCommands(t *testing.T) {
	doc, err := os.ReadFile("../../docs/local-api.md")
	if err != nil {
		t.Fatal(err)
	}
	testtool.NeedRoot(t, "to become another user")
	a := testcert.RSA(t)
	s := serve(t, keyring{a}, func(c *local.Config) {
		c.Explain = func(localsock.Caller) []local.Access {
			return []local.Access{
				{Visibility: batch.StartTask, Rule: "it is for root"},
				{Visibility: batch.Task, Allowed: true, Rule: "group poolcert-task"},
				{Visibility: batch.RemoteUser, Rule: "it is for group poolcert-remoteuser, root"},
			}
		}
	})
	dir := filepath.Dir(s.path) // others may pass to it
	for name, data := range map[string][]byte{
		"secret.cms": seal(t, []byte("the secret\n"), cms.Options{}, a),
		"secret.jwe": append(sealJWE(t, []byte("the secret\n"), a), '\n'),
		"secret.rsa": sealRSA(t, []byte("the secret\n"), a),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	blocks := consoleBlock.FindAllStringSubmatch(string(doc), -1)
	if len(blocks) < 7 {
		t.Fatalf("only %d blocks of commands were found", len(blocks))
	}
	paths := make(map[string]bool)
	for _, block := range blocks {
		var script, want strings.Builder
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				script.WriteString(strings.ReplaceAll(command, "/run/poolcert/agent.sock", s.path))
			} else {
				want.WriteString(line)
			}
		}
		cmd := exec.Command("bash", "-e")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(script.String())
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1001, Gid: 1001}} // as documented
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", &script, err, out)
			continue
		}
		pattern := regexp.QuoteMeta(space.ReplaceAllString(want.String(), ""))
		pattern = "^" + strings.ReplaceAll(pattern, `\.\.\.`, `.*`) + "$"
		if got := space.ReplaceAllString(string(out), ""); !regexp.MustCompile(pattern).MatchString(got) {
			t.Errorf("%s\ngot  %s\nwant %s", &script, out, &want)
		}
		for _, path := range regexp.MustCompile(`http://node(\S+)`).FindAllStringSubmatch(script.String(), -1) {
			paths[path[1]] = true
		}
	}
	for _, path := range []string{"/v1/decrypt", "/v1/unwrap", "/v1/certificates", "/v1/whoami", "/healthz", "/readyz"} {
		if !paths[path] {
			t.Errorf("no command shows %s", path)
		}
	}
	// The codes are those that there are.
	for _, code := range local.Codes() {
		if !strings.Contains(string(doc), "`"+code+"`") {
			t.Errorf("the code %s is not described", code)
		}
	}
}

// Package docs promise curl; it must be there to be tested.
func TestCurl(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	cmd := exec.Command("curl", "-sS", "-i", "--unix-socket", s.path, "--data-binary", "@-", "http://node/v1/decrypt")
	cmd.Stdin = bytes.NewReader(seal(t, []byte(secret), cms.Options{Compat: true}, a))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl: %v\n%s", err, out)
	}
	for _, want := range []string{"200 OK", "\r\n\r\n" + secret, "Poolcert-Authenticated: false", "Poolcert-Thumbprint: " + batch.Thumbprint(a.Thumbprint()).String()} {
		if !strings.Contains(string(out), want) {
			t.Errorf("answer lacks %q:\n%s", want, out)
		}
	}
}
