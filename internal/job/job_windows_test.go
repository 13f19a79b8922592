package job

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain is also the process that the tests start: it may start another one like
// itself, holds its output open, and ends when its input does.
func TestMain(m *testing.M) {
	switch role := os.Getenv("JOB_TEST_ROLE"); role {
	case "":
		os.Exit(m.Run())
	case "exit":
		os.Exit(7)
	case "parent", "owner":
		child := self("child")
		child.Stdout = os.Stdout
		start := child.Start
		if role == "owner" { // its own job ends with it
			j, err := New()
			if err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			start = func() error { return j.Start(child) }
		}
		if err := start(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("started")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	case "child":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			l.Accept() // nobody comes
		}
		os.Exit(1)
	}
}

// self is this program in another role.
func self(role string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "JOB_TEST_ROLE="+role)
	return cmd
}

// A family is a process that has a child of its own, in a job or not.
type family struct {
	*exec.Cmd
	stdin io.Closer
	out   io.Reader // ends when no process of the family is left
}

func startFamily(t *testing.T, role string, start func(*exec.Cmd) error) *family {
	t.Helper()
	cmd := self(role)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	cmd.Stdout = w
	err = start(cmd)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(r)
	if line, err := out.ReadString('\n'); strings.TrimSpace(line) != "started" {
		t.Fatalf("read %q, %v", line, err)
	}
	return &family{cmd, stdin, out}
}

func newJob(t *testing.T) *Job {
	t.Helper()
	j, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// gone waits until no process of the family is left.
func (f *family) gone(t *testing.T) {
	t.Helper()
	if rest, err := io.ReadAll(f.out); err != nil || len(rest) > 0 {
		t.Errorf("read %q, %v", rest, err)
	}
}

func TestExitCode(t *testing.T) {
	j := newJob(t)
	defer j.Close()
	cmd := self("exit")
	if err := j.Start(cmd); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("Wait: %v, want exit code 7", err)
	}
}

func TestKill(t *testing.T) {
	j := newJob(t)
	defer j.Close()
	f := startFamily(t, "parent", j.Start)
	if err := j.Kill(); err != nil {
		t.Fatal(err)
	}
	f.gone(t)
	var exit *exec.ExitError
	if err := f.Wait(); !errors.As(err, &exit) || exit.ExitCode() != killed {
		t.Errorf("Wait: %v, want exit code %d", err, killed)
	}
}

// What a process that has ended left running ends with the job.
func TestCloseEndsWhatIsLeft(t *testing.T) {
	j := newJob(t)
	f := startFamily(t, "parent", j.Start)
	f.stdin.Close()
	if err := f.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	f.gone(t)
}

func TestRelease(t *testing.T) {
	outer, j := newJob(t), newJob(t)
	defer outer.Close()
	f := startFamily(t, "parent", func(cmd *exec.Cmd) error {
		return errors.Join(outer.Start(cmd), j.add(cmd))
	})
	if err := errors.Join(j.Release(), j.Close()); err != nil {
		t.Fatal(err)
	}
	f.stdin.Close() // so that it ends well, if it is there
	if err := f.Wait(); err != nil {
		t.Errorf("Wait: %v", err)
	}
	if err := outer.Kill(); err != nil {
		t.Fatal(err)
	}
	f.gone(t)
}

// However the process that has the job ends, what is in the job ends with it.
func TestOwnerIsKilled(t *testing.T) {
	f := startFamily(t, "owner", (*exec.Cmd).Start)
	if err := f.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	f.Wait()
	f.gone(t)
}

func TestStartFails(t *testing.T) {
	j := newJob(t)
	if err := j.Start(exec.Command(`C:\nowhere\program.exe`)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start of a program that is not there: %v", err)
	}
	// A process that cannot be in the job does not run.
	j.Close()
	cmd := self("exit")
	if err := j.Start(cmd); err == nil || cmd.ProcessState == nil || cmd.ProcessState.ExitCode() == 7 {
		t.Errorf("Start in a closed job: %v, %v", err, cmd.ProcessState)
	}
}
