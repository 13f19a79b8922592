package agent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// memory returns the content of all pages of a process that can be read and are not the
// content of files.
func (p *process) memory(t *testing.T) []byte {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer mem.Close()
	var all []byte
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to uint64
		var rights string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(rights, "rw") || to > math.MaxInt64 {
			continue
		}
		data := make([]byte, to-from)
		n, err := mem.ReadAt(data, int64(from))
		if err != nil && n == 0 && !errors.Is(err, syscall.EIO) && err != io.EOF {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, data[:n]...)
	}
	return all
}

// When a certificate was removed, no trace of its key is left in the process.
func TestRemovedKeysAreNotInMemory(t *testing.T) {
	testtool.NeedRoot(t, "to read the memory of a process that forbids dumps")
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("Go erases memory on amd64 and arm64 only")
	}
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	a.config.Expose = ExposeDecryptOnly
	other := testPFX(t, s, "other")
	references := []batch.CertificateReference{refTo(other)}
	pairs := make(map[*testcert.Pair]secrets)
	for _, key := range []string{"rsa2048b", "rsa3072", "p384"} {
		pair, its := testSecret(t, s, key, key, "A-Password-Of-"+key)
		pairs[pair] = its
		references = append(references, refTo(pair.Thumbprint()))
	}
	s.SetReferences(references...)
	p := a.startProcess(nil)
	s.AwaitReport(t.Context(), func(s nodeapi.Status) bool { return countStates(s)[batch.NodeInstalled] == len(references) })
	for pair := range pairs {
		a.wantOpens(pair)
	}
	before := p.memory(t)
	for pair, its := range pairs {
		if found := its.in(before); len(found) < 3 {
			t.Errorf("%s: before the removal, only %q are found: this test proves nothing", pair.Cert.Subject, found)
		}
	}
	s.SetReferences(references[0])
	s.AwaitReport(t.Context(), func(s nodeapi.Status) bool { return countStates(s)[batch.NodeRemoved] == len(pairs) })
	after := p.memory(t)
	for pair, its := range pairs {
		its.wantNone(t, "the memory of the process, of "+pair.Cert.Subject.String(), after)
	}
}

func countStates(s nodeapi.Status) map[batch.NodeCertificateState]int {
	count := make(map[batch.NodeCertificateState]int)
	for _, c := range s.Certificates {
		count[c.State]++
	}
	return count
}

// An agent that has keys in memory only has all of it locked.
func TestMemoryIsLocked(t *testing.T) {
	testtool.NeedRoot(t, "to lock all memory")
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	a.config.Owners.Task.Expose = ExposeDecryptOnly
	s.SetReferences(refTo(testPFX(t, s, "one"), batch.Task))
	p := a.startProcess(nil)
	s.AwaitReport(t.Context(), func(s nodeapi.Status) bool { return countStates(s)[batch.NodeInstalled] == 1 })
	if m := a.status().Memory; m == nil || !m.Locked || !m.Erased || m.Problem != "" {
		t.Errorf("status: %+v, want locked and erased", m)
	}
	if locked, resident := p.kibibytes(t, "VmLck"), p.kibibytes(t, "VmRSS"); locked < resident {
		t.Errorf("%d KiB are locked, and %d resident", locked, resident)
	}
}

// kibibytes returns a figure of /proc/PID/status.
func (p *process) kibibytes(t *testing.T, name string) (n int) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(data), "\n"+name+":")
	if _, err := fmt.Sscan(line, &n); !ok || err != nil {
		t.Fatalf("no %s of the process: %v", name, err)
	}
	return n
}

// Where the memory cannot be locked, as in a unit without the capability, the
// agent says so and works.
func TestMemoryThatCannotBeLocked(t *testing.T) {
	testtool.NeedRoot(t, "to give capabilities up")
	setpriv := testtool.Need(t, "setpriv")
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	a.config.Expose = ExposeDecryptOnly
	pair, _ := testSecret(t, s, "one", "rsa2048b", "A-Password-Of-Its-Own")
	s.SetReferences(refTo(pair.Thumbprint()))
	p := a.startProcess(func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"sh", "-c", `ulimit -l 8192 && exec "$0" --bounding-set=-ipc_lock "$@"`, setpriv}, cmd.Args...)
		cmd.Path = "/bin/sh"
	})
	s.AwaitReport(t.Context(), reports("installed", pair.Thumbprint()))
	if m := a.status().Memory; m == nil || m.Locked || !strings.Contains(m.Problem, "8192 KiB") {
		t.Errorf("status: %+v, want a problem with the limit", m)
	}
	if n := strings.Count(p.log.String(), "level=WARN"); n != 1 || !strings.Contains(p.log.String(), "may be swapped") {
		t.Errorf("%d warnings, want one, of the memory", n)
	}
	a.wantOpens(pair)
}

// No signal makes an agent write its keys into a core dump, whatever the limits
// and GOTRACEBACK are.
func TestNoCoreDump(t *testing.T) {
	unlimited := func(cmd *exec.Cmd) {
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "GOTRACEBACK=crash")
		cmd.Args = append([]string{"sh", "-c", `ulimit -c unlimited && exec "$0" "$@"`}, cmd.Args...)
		cmd.Path = "/bin/sh"
	}
	control := exec.Command("sh", "-c", "kill -ABRT $$")
	unlimited(control)
	control.Run()
	if ws := control.ProcessState.Sys().(syscall.WaitStatus); !ws.CoreDump() {
		testtool.Missing(t, "core dumps into the working directory", errors.New("a shell dumps none"))
	}
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	for _, signal := range []syscall.Signal{syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGQUIT} {
		p := a.startProcess(unlimited)
		s.AwaitReport(t.Context(), reports("installed", one))
		p.Process.Signal(signal)
		p.Wait()
		ws := p.ProcessState.Sys().(syscall.WaitStatus)
		if signal == syscall.SIGABRT { // which it handles, to write no registers
			if ws.ExitStatus() != 2 || strings.Contains(p.log.String(), "rip ") {
				t.Errorf("%v: the process ended with %v, want exit status 2, and no registers in the log", signal, p.ProcessState)
			}
		} else if !ws.Signaled() || ws.CoreDump() {
			t.Errorf("%v: the process ended with %v, want a signal and no core dump", signal, p.ProcessState)
		}
		if names, err := os.ReadDir(p.Dir); err != nil || len(names) > 0 {
			t.Errorf("%v: files %v, %v", signal, names, err)
		}
		if strings.Contains(p.log.String(), testPassword) {
			t.Errorf("%v: the traceback has the password", signal)
		}
	}
}
