package localsock_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"poolcert/internal/localsock"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

var kernels = map[string]func(net.Conn, localsock.Caller) (localsock.Process, error){
	"now": localsock.ProcessOf, "before 6.5": localsock.OldProcessOf,
}

func callerOf(t *testing.T, conn net.Conn) localsock.Caller {
	t.Helper()
	c, err := localsock.CallerOf(conn)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProcessOf(t *testing.T) {
	_, server := accept(t, listen(t, filepath.Join(testfolder.New(t, ""), "s"), localsock.Options{}))
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cgroups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	for name, ask := range kernels {
		p, err := ask(server, callerOf(t, server))
		if err != nil || p.Executable != own || p.Command == "" || len(p.Cgroups) == 0 {
			t.Errorf("%s: got %+v, error %v, want executable %s", name, p, err, own)
		}
		for _, path := range p.Cgroups {
			if !strings.Contains(string(cgroups), ":"+path+"\n") {
				t.Errorf("%s: cgroup %q is not in\n%s", name, path, cgroups)
			}
		}
	}
}

// Signals, of which Go sends some to itself, do not make a caller unknown.
func TestProcessOfIsInterrupted(t *testing.T) {
	_, server := accept(t, listen(t, filepath.Join(testfolder.New(t, ""), "s"), localsock.Options{}))
	caller := callerOf(t, server)
	done := make(chan struct{})
	var signals sync.WaitGroup
	signals.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				syscall.Kill(os.Getpid(), syscall.SIGURG)
			}
		}
	})
	for range 20_000 {
		if _, err := localsock.ProcessOf(server, caller); err != nil {
			t.Error(err)
			break
		}
	}
	close(done)
	signals.Wait()
}

// A process that has ended is not asked about, and neither is the one that has its
// id now: but on old kernels, when it is of the same user.
func TestProcessHasEnded(t *testing.T) {
	testtool.NeedRoot(t, "to become others, and choose ids")
	path := filepath.Join(testfolder.New(t, ""), "s")
	l := listen(t, path, localsock.Options{Mode: 0o666})
	cmd := dialAs(t, path, &syscall.Credential{Uid: 54_321, Gid: 54_321})
	conn := callOf(t, l, cmd)
	defer conn.Close()
	caller := callerOf(t, conn)
	if p, err := localsock.ProcessOf(conn, caller); err != nil || p.Command == "" {
		t.Errorf("while it lives: got %+v, error %v", p, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for name, ask := range kernels {
		if p, err := ask(conn, caller); err == nil {
			t.Errorf("%s: got %+v of a process that has ended", name, p)
		}
	}
	for _, test := range []struct {
		uid  uint32
		want map[string]bool
	}{
		{54_322, map[string]bool{"now": false, "before 6.5": false}},
		{54_321, map[string]bool{"now": false, "before 6.5": true}},
	} {
		stop := startWithID(t, int(caller.PID), test.uid)
		for name, ask := range kernels {
			if p, err := ask(conn, caller); (err == nil) != test.want[name] {
				t.Errorf("%s, id reused by uid %d: got %+v, error %v", name, test.uid, p, err)
			}
		}
		stop()
	}
}

// startWithID starts a process of a user that has a given id, which must be free.
func startWithID(t *testing.T, pid int, uid uint32) (stop func()) {
	t.Helper()
	for range 500 {
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid-1)), 0); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/bin/sleep", "60")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := func() { cmd.Process.Kill(); cmd.Wait() }
		if cmd.Process.Pid == pid {
			return stop
		}
		stop()
	}
	t.Fatalf("no process got the id %d", pid)
	return nil
}

func TestCgroups(t *testing.T) {
	for text, want := range map[string]struct{ paths, job string }{
		"0::/system.slice/slurmstepd.scope/job_42/step_0/user/task_0\n":                        {"[/system.slice/slurmstepd.scope/job_42/step_0/user/task_0]", "42"},
		"0::/system.slice/node7_slurmstepd.scope/job_42/step_batch/slurm\n":                    {"[/system.slice/node7_slurmstepd.scope/job_42/step_batch/slurm]", "42"},
		"9:freezer:/slurm/uid_1000/job_7/step_batch\n1:name=systemd:/system.slice/slurmd\n":    {"[/slurm/uid_1000/job_7/step_batch /system.slice/slurmd]", "7"},
		"9:freezer:/slurm_node7/uid_1000/job_7\n8:cpuset:/slurm_node7/uid_1000/job_7\n0::/a\n": {"[/slurm_node7/uid_1000/job_7 /a]", "7"},
		"0::/with:colons/job_3\n": {"[/with:colons/job_3]", ""},
		// Users can make such groups.
		"0::/user.slice/user-1000.slice/user@1000.service/system.slice/slurmstepd.scope/job_42\n": {"[/user.slice/user-1000.slice/user@1000.service/system.slice/slurmstepd.scope/job_42]", ""},
		"0::/user.slice/slurm/uid_1/job_7\n":                                                      {"[/user.slice/slurm/uid_1/job_7]", ""},
		"0::/system.slice/slurmstepd.scope/job_42x\n":                                             {"[/system.slice/slurmstepd.scope/job_42x]", ""},
		"garbage\n0::relative\n":                                                                  {"[]", ""},
	} {
		p := localsock.Process{Cgroups: localsock.ParseCgroups(text)}
		if fmt.Sprint(p.Cgroups) != want.paths || p.Job() != want.job {
			t.Errorf("%q: got %v, job %q, want %s, %q", text, p.Cgroups, p.Job(), want.paths, want.job)
		}
	}
}

func TestCallerUnknown(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if c, err := localsock.CallerOf(a); err == nil {
		t.Errorf("a pipe has the caller %+v", c)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if c, err := localsock.CallerOf(conn); err == nil {
		t.Errorf("a TCP connection has the caller %+v", c)
	}
}
