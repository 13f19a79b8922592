package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/internal/testcert"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

// The two users of these tests.
const aliceID, malloryID = 54_711, 54_712

// plaintext is what must not be found anywhere.
const plaintext = "s3cret-plaintext-of-the-test"

// A desk is a folder of alice's, with a key and messages.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	testtool.NeedRoot(t, "to be several users")
	// Not in a folder of the test's, which only root may enter.
	dir := testfolder.New(t, "/var/tmp")
	if err := errors.Join(os.Chmod(dir, 0o700), os.Chown(dir, aliceID, aliceID)); err != nil {
		t.Fatal(err)
	}
	pair := testcert.RSA(t)
	d := &desk{t, dir}
	program, err := released()
	if err == nil {
		err = errors.Join(os.WriteFile(d.path("poolcert"), program, 0o700), os.Chmod(d.path("poolcert"), 0o755)) // whatever the umask
	}
	if err != nil {
		t.Fatal(err)
	}
	d.write("a.pfx", pair.PFX("pw"))
	d.write("pw", []byte("pw"))
	d.write("a.cms", cmstest.Seal(t, plaintext, cms.Options{}, pair.Cert))
	return d
}

// released returns the program as it is released: the one of the tests, with the race
// detector, takes seconds under strace.
var released = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "poolcert-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-trimpath", "-o", dir, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	return os.ReadFile(filepath.Join(dir, "poolcert"))
})

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) write(name string, data []byte) {
	d.t.Helper()
	if err := errors.Join(os.WriteFile(d.path(name), data, 0o600), os.Chown(d.path(name), aliceID, aliceID)); err != nil {
		d.t.Fatal(err)
	}
}

// command runs poolcert as alice, in her folder.
func (d *desk) command(prefix []string, args ...string) *exec.Cmd {
	return d.as(aliceID, append(append(prefix, d.path("poolcert")), args...)...)
}

func (d *desk) as(uid uint32, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(d.t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "HOME="+d.dir, "TMPDIR="+d.dir, "GOMAXPROCS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	if uid == aliceID {
		cmd.Dir = d.dir
	} else {
		cmd.Dir = "/"
	}
	return cmd
}

// open are the flags to open messages with.
var open = []string{"--pfx", "a.pfx", "--password-file", "pw"}

// While a command has secrets, another user finds them nowhere, and afterwards nobody does.
func TestExecHidesFromOtherUsers(t *testing.T) {
	d := newDesk(t)
	for _, masked := range []bool{false, true} {
		args := append([]string{"exec"}, open...)
		if masked {
			args = append(args, "--mask")
		}
		args = append(args, "--env", "SECRET=@a.cms", "--file", "a.cms=FILE", "--", "sh", "-c", `cat "$FILE" >/dev/null; echo $$ ready "$FILE"; exec sleep 60`)
		cmd := d.command(nil, args...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		var child int
		var path string
		if _, scanErr := fmt.Sscanf(line, "%d ready %s", &child, &path); err != nil || scanErr != nil {
			t.Fatalf("%q, %v", line, err)
		}
		pids := []int{child}
		if masked {
			pids = append(pids, cmd.Process.Pid)
		} else if child != cmd.Process.Pid {
			t.Errorf("the command is process %d, not %d", child, cmd.Process.Pid)
		}
		for _, pid := range pids {
			d.search(pid)
		}
		// Root sees it, so the search would have found it.
		if env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", child)); !bytes.Contains(env, []byte("SECRET="+plaintext)) {
			t.Errorf("the command does not have its secret: %v", err)
		}
		cmd.Process.Kill()
		syscall.Kill(child, syscall.SIGKILL)
		cmd.Wait()
		d.nothingLeft("exec")
	}
}

// search looks at a process with mallory's eyes.
func (d *desk) search(pid int) {
	d.t.Helper()
	read := d.as(malloryID, "sh", "-c", fmt.Sprintf(`cd /proc/%d && cat cmdline; echo; for f in environ maps mem fd/* root/ cwd/; do cat $f 2>&1; ls -l $f 2>&1; done; cat status stat comm`, pid))
	out, _ := read.CombinedOutput()
	if bytes.Contains(out, []byte(plaintext)) {
		d.t.Errorf("mallory reads of process %d: %s", pid, out)
	}
	if !bytes.Contains(out, []byte("environ: Permission denied")) || !bytes.Contains(out, []byte("Uid:")) {
		d.t.Errorf("mallory's search did not work: %s", out)
	}
}

// nothingLeft wants the plaintext in no file.
func (d *desk) nothingLeft(what string, except ...string) {
	d.t.Helper()
	except = append(except, "poolcert") // its text has it: this one
	for _, dir := range []string{d.dir, "/dev/shm"} {
		filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() || dir != d.dir && !ownedBy(e, aliceID) {
				return nil
			}
			for _, name := range except {
				if e.Name() == name {
					return nil
				}
			}
			if data, _ := os.ReadFile(path); bytes.Contains(data, []byte(plaintext)) || strings.HasPrefix(e.Name(), "core") {
				d.t.Errorf("%s leaves %s", what, path)
			}
			return nil
		})
	}
}

func (d *desk) removeCores() {
	cores, _ := filepath.Glob(d.path("core*"))
	for _, core := range cores {
		os.Remove(core)
	}
}

func ownedBy(e fs.DirEntry, uid uint32) bool {
	info, err := e.Info()
	return err == nil && info.Sys().(*syscall.Stat_t).Uid == uid
}

// No core dump has a secret, whatever ends the program, and no user attaches to it.
func TestNoDumps(t *testing.T) {
	t.Parallel() // a crash takes Go some seconds
	d := newDesk(t)
	limit := []string{"sh", "-c", `ulimit -S -c $(ulimit -H -c); exec "$@"`, "sh"}
	control := d.as(aliceID, append(limit, "sh", "-c", "kill -ABRT $$")...)
	_ = control.Run()
	if !control.ProcessState.Sys().(syscall.WaitStatus).CoreDump() {
		t.Log("no process dumps core here: only the memory of a running one is tested")
	}
	d.removeCores()
	cmd := d.command(limit, append(append([]string{"exec", "--mask"}, open...), "--env", "SECRET=@a.cms", "--", "sh", "-c", "ulimit -c 0; echo ready; exec sleep 60")...)
	cmd.Env = append(cmd.Env, "GOTRACEBACK=crash")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err, errs.String())
	}
	// Another process of alice's cannot look either.
	look := d.as(aliceID, "cat", fmt.Sprintf("/proc/%d/mem", cmd.Process.Pid))
	if out, _ := look.CombinedOutput(); !bytes.Contains(out, []byte("Permission denied")) {
		t.Errorf("alice's other process reads its memory: %.100s", out)
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
	cmd.Process.Signal(syscall.SIGABRT)
	cmd.Wait()
	var child int
	if _, err := fmt.Sscan(string(children), &child); err == nil {
		syscall.Kill(child, syscall.SIGKILL)
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.CoreDump() || bytes.Contains(errs.Bytes(), []byte(plaintext)) {
		t.Errorf("dumped core: %t; said %s", status.CoreDump(), errs.String())
	}
	d.nothingLeft("a crash")
}
