//go:build unix

package e2e

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

// demo returns scripts/demo with a folder of its own for temporary files, which
// has a short name, because a socket goes there.
func demo(t *testing.T, args ...string) (cmd *exec.Cmd, temp string) {
	t.Helper()
	testtool.NeedRoot(t, "for the demo")
	temp = testfolder.New(t, "/tmp")
	cmd = exec.Command("../../scripts/demo", args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	return cmd, temp
}

// nothingLeft wants no file in temp, and no process that was started there.
func nothingLeft(t *testing.T, temp string) {
	t.Helper()
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("the demo left %s", filepath.Join(temp, e.Name()))
	}
	processes, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range processes {
		if exe, err := os.Readlink(link); err == nil && strings.HasPrefix(exe, temp) {
			t.Errorf("the demo left the process %s of %s", filepath.Dir(link), exe)
		}
	}
}

func TestDemoLeavesNothing(t *testing.T) {
	t.Run("when it fails", func(t *testing.T) {
		cmd, temp := demo(t, "--bin", "/nonexistent")
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "demo: there is no program /nonexistent/poolcert") {
			t.Errorf("got %v, %s", err, out)
		}
		nothingLeft(t, temp)
	})
	t.Run("when it is interrupted", func(t *testing.T) {
		cmd, temp := demo(t, "--bin", programs)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var rest bytes.Buffer
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "A node joins") {
				syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // Ctrl-C may be ignored here
			}
			rest.WriteString(lines.Text() + "\n")
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 143 || !strings.Contains(rest.String(), "demo: interrupted in step: A node joins the pool") {
			t.Errorf("exit code %d, output %s; want 143, and the step", code, rest.String())
		}
		nothingLeft(t, temp)
	})
	t.Run("when its reader is gone", func(t *testing.T) {
		cmd, temp := demo(t, "--bin", programs)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		out.Close()
		if err := cmd.Wait(); err == nil {
			t.Error("the demo ended well without a reader")
		}
		nothingLeft(t, temp)
	})
}
