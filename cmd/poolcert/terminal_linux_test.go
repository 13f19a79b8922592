package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolcert/internal/testcert"
)

// A terminal is a pseudo terminal: what a person types and sees.
type terminal struct {
	person, program *os.File
	seen            bytes.Buffer
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	number := 0
	raw, err := person.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return &terminal{person: person, program: program}
}

// start runs the program on the terminal, as its controlling one.
func (p *terminal) start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "poolcert", args...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "POOLCERT_CONFIG="+filepath.Join(t.TempDir(), "config.toml"))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.program, p.program, p.program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// await reads until the person has seen text.
func (p *terminal) await(t *testing.T, text string) {
	t.Helper()
	p.person.SetReadDeadline(time.Now().Add(20 * time.Second))
	buf := make([]byte, 1024)
	for !strings.Contains(p.seen.String(), text) {
		n, err := p.person.Read(buf)
		if err != nil {
			t.Fatalf("seen %q, then %v; want %q", p.seen.String(), err, text)
		}
		p.seen.Write(buf[:n])
	}
}

func (p *terminal) enter(t *testing.T, keys string) {
	t.Helper()
	if _, err := p.person.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

func (p *terminal) settings(t *testing.T) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(p.program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// At a prompt, one Ctrl-C or SIGTERM ends the program, Ctrl-D says that there is
// no password, and the terminal is as before.
func TestPasswordPrompt(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.pfx")
	if err := os.WriteFile(file, testcert.RSA(t, testcert.Name("one")).PFX("sesame"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		keys   string
		signal bool
		code   int
		want   string
	}{
		"right":     {"sesame\r", false, 0, ", private key in the file"},
		"corrected": {"sesann\x7f\x7fme\n", false, 0, ", private key in the file"},
		"wrong":     {"Sesame\r", false, 1, "hint: type it again"},
		"Ctrl-D":    {"\x04", false, 1, "wrong password"},
		"Ctrl-C":    {"ses\x03", false, 1, "error: interrupted"},
		"SIGTERM":   {"ses", true, 1, "error: interrupted"},
	} {
		p := newTerminal(t)
		before := p.settings(t)
		cmd := p.start(t, "pfx", "show", file)
		p.await(t, "Password of the PFX: ")
		p.enter(t, test.keys)
		if test.signal {
			cmd.Process.Signal(syscall.SIGTERM)
		}
		p.await(t, test.want)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != test.code {
			t.Errorf("%s: exit code %d, want %d; seen %q", name, code, test.code, p.seen.String())
		}
		if strings.Contains(strings.ToLower(p.seen.String()), "sesa") {
			t.Errorf("%s: the password is seen: %q", name, p.seen.String())
		}
		if p.settings(t) != before {
			t.Errorf("%s: the terminal is not as before", name)
		}
	}
}

func TestKeyPrompt(t *testing.T) {
	for name, test := range map[string]struct{ keys, want string }{
		"Ctrl-C": {"\x03", "error: interrupted"},
		"Ctrl-D": {"\x04", "error: no key is given"},
		"empty":  {"\r", "error: no key is given"},
		"wrong":  {"not base64\r", "hint: 'poolcert-server account create' printed it"},
	} {
		p := newTerminal(t)
		cmd := p.start(t, "login", "--endpoint", "https://127.0.0.1:1", "--account", "a")
		p.await(t, "Key of account a: ")
		p.enter(t, test.keys)
		p.await(t, test.want)
		if cmd.Wait() == nil {
			t.Errorf("%s: it succeeded; seen %q", name, p.seen.String())
		}
	}
}

// Who waits for an agent that hangs is told so, and needs not wait for the end.
func TestWaitingForAgent(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "agent.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newTerminal(t)
	cmd := p.start(t, "certs", "--socket", socket)
	p.await(t, "Waiting for poolcert-agent at "+socket)
	p.enter(t, "\x03")
	p.await(t, "error: interrupted")
	if cmd.Wait() == nil {
		t.Errorf("it succeeded; seen %q", p.seen.String())
	}
}

// A message from the terminal ends with one Ctrl-D, and waiting for it with one Ctrl-C.
func TestMessageFromTerminal(t *testing.T) {
	for name, test := range map[string]struct{ keys, want string }{
		"nothing":       {"\x04", "error: not an encrypted message"},
		"a line":        {"hello\n\x04", "error: not an encrypted message"},
		"Ctrl-C":        {"\x03", "error: interrupted"},
		"Ctrl-C in one": {"hello\nmore\x03", "error: interrupted"},
	} {
		p := newTerminal(t)
		cmd := p.start(t, "decrypt")
		p.await(t, "end with Ctrl-D")
		p.enter(t, test.keys)
		p.await(t, test.want)
		if cmd.Wait() == nil {
			t.Errorf("%s: it succeeded; seen %q", name, p.seen.String())
		}
	}
}
