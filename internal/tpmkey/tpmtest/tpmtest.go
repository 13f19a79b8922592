//go:build unix

// Package tpmtest gives tests a TPM 2.0 of their own: a swtpm process.
//
// Call [New]; it ends with the test.
package tpmtest

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"poolcert/internal/testtool"
)

// New starts a TPM that has just been made, and returns a connection to it. It
// needs the program swtpm.
func New(t testing.TB) *os.File {
	t.Helper()
	program := testtool.Need(t, "swtpm")
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "tpm"), os.NewFile(uintptr(pair[1]), "swtpm")
	defer theirs.Close()
	var stderr bytes.Buffer
	cmd := exec.Command(program, "socket", "--tpm2", "--tpmstate", "dir="+t.TempDir(), "--fd", "3", "--flags", "not-need-init,startup-clear")
	cmd.ExtraFiles, cmd.Stderr = []*os.File{theirs}, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ours.Close()
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("swtpm: %s", &stderr)
		}
	})
	return ours
}
