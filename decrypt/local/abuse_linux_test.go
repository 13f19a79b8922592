package local_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

const holdPath = "POOLCERT_TEST_HOLD"

// TestHoldOnly is not a test of its own: another user runs it to hold as many
// connections as it can.
func TestHoldOnly(t *testing.T) {
	path := os.Getenv(holdPath)
	if path == "" {
		return
	}
	var held []net.Conn
	for range 1000 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		held = append(held, conn)
	}
	fmt.Println("holding")
	io.Copy(io.Discard, os.Stdin)
	for _, conn := range held {
		conn.Close()
	}
	os.Exit(0)
}

// A user who holds connections takes nothing from the process, nor from others.
func TestHeldConnections(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	before := openFiles(t)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestHoldOnly$")
	cmd.Env = []string{holdPath + "=" + s.path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54_321, Gid: 54_321}}
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("holding"))); err != nil {
		t.Error(err)
	}
	got, err := viaUnwrap(t.Context(), s.client, seal(t, []byte(secret), cms.Options{}, a))
	if err != nil || string(got) != secret {
		t.Errorf("another user: got %q, error %v", got, err)
	}
	if n := openFiles(t) - before; n > 64+10 {
		t.Errorf("%d more files are open, want at most 64 and a few", n)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if _, log := s.told(); strings.Count(log, "too many connections") != 1 {
		t.Errorf("log:\n%s", log)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
