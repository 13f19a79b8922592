package local_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// A caller whom the kernel does not know is refused.
func TestUnknownCaller(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	server := local.NewServer(local.Config{Authorize: func(context.Context, localsock.Caller) (local.Grant, error) {
		t.Error("Authorize was asked")
		return keyring{}, nil
	}})
	go func() { done <- server.Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/v1/certificates")
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %v, error %v, want 403", resp, err)
	}
	resp.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

const callPath = "POOLCERT_TEST_CALL"

// TestCallOnly is not a test of its own: other users run it to call the service.
func TestCallOnly(t *testing.T) {
	path := os.Getenv(callPath)
	if path == "" {
		return
	}
	message, err := io.ReadAll(os.Stdin)
	if err != nil {
		t.Fatal(err)
	}
	got, err := viaUnwrap(context.Background(), local.Dial(path), message)
	switch {
	case errors.Is(err, local.ErrNotAllowed):
		fmt.Print("not allowed")
	case errors.Is(err, cms.ErrNoRecipient):
		fmt.Print("no recipient")
	case err != nil:
		fmt.Print(err)
	default:
		os.Stdout.Write(got)
	}
	os.Exit(0)
}

// Real users: one of the group, one who may use something else, one of neither.
func TestUsers(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	const group, otherGroup = 54_340, 54_341
	a := testcert.RSA(t)
	s := serve(t, nil, func(c *local.Config) {
		c.Authorize = func(_ context.Context, c localsock.Caller) (local.Grant, error) {
			switch {
			case c.InGroup(osuser.ID{Number: group}):
				return keyring{a}, nil
			case c.InGroup(osuser.ID{Number: otherGroup}):
				return keyring{}, nil
			}
			return nil, &local.RefusedError{Reason: "in no group"}
		}
	})
	for _, test := range []struct {
		cred syscall.Credential
		want string
	}{
		{syscall.Credential{Uid: 54_321, Gid: 54_321, Groups: []uint32{group}}, secret},
		{syscall.Credential{Uid: 54_321, Gid: group}, secret},
		{syscall.Credential{Uid: 54_322, Gid: 54_322, Groups: []uint32{otherGroup}}, "no recipient"},
		{syscall.Credential{Uid: 54_322, Gid: 54_322}, "not allowed"},
	} {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestCallOnly$")
		cmd.Env = []string{callPath + "=" + s.path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &test.cred}
		cmd.Stdin = bytes.NewReader(seal(t, []byte(secret), cms.Options{}, a))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil || string(out) != test.want {
			t.Errorf("%+v: got %q, error %v, want %q", test.cred, out, err, test.want)
		}
		if use := <-s.audit; use.Caller.UID != test.cred.Uid || (use.Result == "ok") != (test.want == secret) {
			t.Errorf("%+v: audit record %+v", test.cred, use)
		}
	}
	if _, log := s.told(); !strings.Contains(log, "caller refused") || !strings.Contains(log, "in no group") {
		t.Errorf("the refusal is not in the log:\n%s", log)
	}
}
