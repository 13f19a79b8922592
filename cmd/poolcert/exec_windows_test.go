package main

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/internal/sddl"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
	"poolcert/internal/winfile"
)

// A holding is 'poolcert exec' with a command that calls this test.
type holding struct {
	*exec.Cmd
	dir, temp string
	conn      *bufio.Reader // of the command
	path      string        // of the secret
	stderr    *bytes.Buffer
}

func execCommand(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Args = append([]string{"poolcert", "exec", "--key", "a.key", "--file", "secret.txt.cms=KEY", "--"}, args...)
	cmd.Dir = dir
	temp := filepath.Join(dir, "tmp")
	cmd.Env = append(os.Environ(), "TMP="+temp, "TEMP="+temp, "POOLCERT_SOCKET="+filepath.Join(dir, "none"))
	return cmd
}

func startHolding(t *testing.T) *holding {
	t.Helper()
	dir := t.TempDir()
	a := testcert.RSA(t)
	message := cmstest.Seal(t, "the secret", cms.Options{}, a.Cert)
	self, err := os.ReadFile(os.Args[0])
	err = errors.Join(err,
		os.Mkdir(filepath.Join(dir, "tmp"), 0o700),
		os.WriteFile(filepath.Join(dir, "probe.exe"), self, 0o700),
		os.WriteFile(filepath.Join(dir, "a.key"), a.KeyPEM(), 0o600),
		os.WriteFile(filepath.Join(dir, "secret.txt.cms"), message, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	h := &holding{Cmd: execCommand(dir, filepath.Join(dir, "probe.exe"), "hold", listener.Addr().String(), "KEY"), dir: dir, temp: filepath.Join(dir, "tmp"), stderr: new(bytes.Buffer)}
	h.Stderr = h.stderr
	h.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	listener.(*net.TCPListener).SetDeadline(time.Now().Add(20 * time.Second))
	conn, err := listener.Accept()
	if err != nil {
		h.Process.Kill()
		h.Wait()
		t.Fatalf("the command does not call: %v; %s", err, h.stderr)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	h.conn = bufio.NewReader(conn)
	line, err := h.conn.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	h.path = strings.TrimSpace(line)
	if data, err := os.ReadFile(h.path); err != nil || string(data) != "the secret" {
		t.Errorf("%s holds %q, %v", h.path, data, err)
	}
	return h
}

// folders are those of exec among the temporary files.
func (h *holding) folders(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(h.temp, privatePrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// When exec is killed, the command ends with it; the next exec removes the secret.
func TestExecIsKilled(t *testing.T) {
	h := startHolding(t)
	if err := h.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	h.Wait()
	if _, err := h.conn.ReadByte(); err == nil || os.IsTimeout(err) {
		t.Errorf("the command: %v, want it gone", err)
	}
	if _, err := os.Stat(h.path); err != nil {
		t.Errorf("the test shows nothing: %v", err)
	}
	if out, err := execCommand(h.dir, filepath.Join(h.dir, "probe.exe"), "exit", "0").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left := h.folders(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSweepLeavesOthers(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMP", temp)
	alive, err := newPrivateFolder()
	if err != nil {
		t.Fatal(err)
	}
	f, err := alive.create("key.pem")
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("x")
	f.Close()
	foreign := filepath.Join(temp, privatePrefix+"foreign")
	if err := errors.Join(os.Mkdir(foreign, 0o700), os.WriteFile(filepath.Join(foreign, "letter.txt"), nil, 0o600), os.WriteFile(filepath.Join(temp, privatePrefix+"file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	sweepPrivateFolders(temp)
	for _, path := range []string{f.Name(), filepath.Join(foreign, "letter.txt"), filepath.Join(temp, privatePrefix+"file")} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if err := alive.remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(alive.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v, want it gone", err)
	}
}

// A folder by such a name may be somebody else's, or one that others can put files into,
// or lead elsewhere: nothing behind it is removed. One of this account is.
func TestSweepJudges(t *testing.T) {
	judge := ofFolder
	defer func() { ofFolder = judge }()
	own, err := winfile.Own()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*winfile.Descriptor)
		gone   bool
	}{
		"own":                {func(*winfile.Descriptor) {}, true},
		"of another":         {func(d *winfile.Descriptor) { d.Owner = "S-1-5-21-1-2-3-1001" }, false},
		"others may enter":   {func(d *winfile.Descriptor) { d.Entries = append(d.Entries, winfile.Entry{Mask: 1, To: sddl.Users}) }, false},
		"junction":           {func(d *winfile.Descriptor) { d.Link = true }, false},
		"cannot be known":    {nil, false},
		"everybody's folder": {func(d *winfile.Descriptor) { d.Open = true }, false},
	} {
		temp := t.TempDir()
		folder := filepath.Join(temp, privatePrefix+"x")
		file := filepath.Join(folder, secretPrefix+"1.pem")
		if err := errors.Join(winfile.Mkdir(folder, winfile.Private(own)), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
		ofFolder = func(f *os.File) (winfile.Descriptor, error) {
			d, err := winfile.Of(f)
			if test.change == nil {
				return d, fs.ErrPermission
			}
			test.change(&d)
			return d, err
		}
		sweepPrivateFolders(temp)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) != test.gone {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Ctrl-Break goes to the command; exec waits for it, and has its exit code.
func TestExecIsInterrupted(t *testing.T) {
	testtool.SkipUnderWine(t, "no console without a terminal, and so no console events")
	h := startHolding(t)
	if err := windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(h.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	if line, err := h.conn.ReadString('\n'); line != "interrupted\n" {
		t.Errorf("the command tells %q, %v", line, err)
	}
	var exit *exec.ExitError
	if err := h.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("Wait: %v, want exit code 3", err)
	}
	if left := h.folders(t); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestCheckCommandLine(t *testing.T) {
	for _, test := range []struct {
		path, arg string
		ok        bool
	}{
		{`C:\a\b.exe`, `a&b %PATH% "`, true},
		{`C:\a\b.BAT`, "plain word", true},
		{`C:\a\b.BAT`, "a&b", false},
		{`b.cmd`, "%PATH%", false},
		{`b.cmd`, "a\nb", false},
		{`b.cmd`, `"`, false},
		{`C:\a\b.bat.`, `"&calc`, false},
		{`C:\a\b.bat. .`, `"&calc`, false},
		{`b.cmd `, `"&calc`, false},
		{`b.cmd::$DATA`, `"&calc`, false},
		{`b.cmd. ::$DATA`, `"&calc`, false},
		{`C:b.cmd`, `"&calc`, false},
		{`C:\a.bat\b.exe`, `"&calc`, true},
	} {
		if err := checkCommandLine(test.path, []string{test.path, test.arg}); (err == nil) != test.ok {
			t.Errorf("%s %q: %v", test.path, test.arg, err)
		} else if err != nil && strings.Contains(err.Error(), test.arg) {
			t.Errorf("the error tells the argument: %v", err)
		}
	}
}

// Windows keeps the current folder of each drive in variables whose names begin with "=".
func TestHiddenVariables(t *testing.T) {
	p := &execPlan{inherited: []string{`=C:=C:\a`, `=D:=D:\b`, "Path=x", "PATH=y"}}
	if got, want := p.environ(), []string{`=C:=C:\a`, `=D:=D:\b`, "Path=x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
