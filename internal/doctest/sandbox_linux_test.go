package doctest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"poolcert/internal/testtool"
)

// patience is how long one command may take: to build the programs is the longest.
const patience = 3 * time.Minute

// A sandbox is the machine of one document.
type sandbox struct {
	t      *testing.T
	init   int    // its first process
	folder string // where root begins
	shells map[bool]*shell
	count  int
	stands []string // what a document calls something, and what it is here
}

// A shell is where root (true) or alice types.
type shell struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	status *bufio.Scanner
	answer *os.File // what status reads
}

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	testtool.NeedRoot(t, "who types the documents")
	for _, tool := range []string{"unshare", "nsenter", "setpriv", "ip", "useradd", "openssl", "curl", "jq", "python3"} {
		testtool.Need(t, tool)
	}
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{t: t, folder: "/mnt/repository", shells: make(map[bool]*shell)}
	ready, tell, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ready.Close()
	cmd := exec.Command("unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc",
		"testdata/sandbox", repository, programs, "/dev/fd/3")
	cmd.ExtraFiles = []*os.File{tell}
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tell.Close()
	t.Cleanup(func() {
		for root := range s.shells {
			s.logout(root)
		}
		cmd.Process.Kill()
		cmd.Wait()
	})
	if line, _ := bufio.NewReader(ready).ReadString('\n'); line != "ready\n" {
		cmd.Process.Kill()
		cmd.Wait()
		if strings.Contains(log.String(), "Operation not permitted") { // root of a container
			testtool.Missing(t, "namespaces and mounts of its own", errors.New(strings.TrimSpace(log.String())))
		}
		t.Fatalf("make a machine for the document: %s", log.String())
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if s.init, err = strconv.Atoi(strings.TrimSpace(string(children))); err != nil {
		t.Fatalf("the first process of the machine: %v", err)
	}
	return s
}

// loop reads the paths of a script and of its output, and writes how it ended.
const loop = `. /etc/doctest; while read -r script output; do . "$script" </dev/null >"$output" 2>&1; echo $? >&3; done`

// login starts a shell. Who was added to a group has it from here on.
func (s *sandbox) login(root bool) *shell {
	s.t.Helper()
	who := []string{"--reuid=alice", "--regid=alice", "--init-groups"}
	home, cwd := "/home/alice", "/home/alice"
	if root {
		who = []string{"--reuid=0", "--regid=0", "--clear-groups"}
		home, cwd = "/root", s.folder
	}
	args := []string{"--target", strconv.Itoa(s.init), "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--root", "--wdns=/", "setpriv"}
	args = append(args, who...)
	args = append(args, "env", "-i", "HOME="+home, "LC_ALL=C.UTF-8", "TERM=dumb",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"+filepath.Dir(goProgram),
		"GOCACHE="+buildCache, "GOMODCACHE="+moduleCache, "GOFLAGS=-buildvcs=false", "GOPROXY=off",
		"bash", "--norc", "-c", "cd "+cwd+" && "+loop)
	sh := &shell{cmd: exec.Command("nsenter", args...)}
	var err error
	if sh.stdin, err = sh.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer write.Close()
	sh.status, sh.answer = bufio.NewScanner(read), read
	sh.cmd.ExtraFiles = []*os.File{write}
	sh.cmd.Stderr = os.Stderr
	if err := sh.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.shells[root] = sh
	return sh
}

func (s *sandbox) logout(root bool) {
	if sh := s.shells[root]; sh != nil {
		sh.stdin.Close()
		sh.cmd.Process.Kill()
		sh.cmd.Wait()
		sh.answer.Close()
		delete(s.shells, root)
	}
}

// inside is a path of the sandbox, as it is called out here.
func (s *sandbox) inside(path string) string { return fmt.Sprintf("/proc/%d/root%s", s.init, path) }

// run types a command. It returns what was printed, and the exit code.
func (s *sandbox) run(root bool, command string) (output string, code int) {
	s.t.Helper()
	sh := s.shells[root]
	if sh == nil {
		sh = s.login(root)
	}
	s.count++
	dir := "/tmp/.doctest-root"
	if !root {
		dir = "/tmp/.doctest-alice"
	}
	if err := os.Mkdir(s.inside(dir), 0o777); err == nil {
		os.Chmod(s.inside(dir), 0o777)
	}
	script := fmt.Sprintf("%s/%d", dir, s.count)
	if err := os.WriteFile(s.inside(script), []byte(command+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	fmt.Fprintf(sh.stdin, "%s %s.out\n", script, script)
	over := time.AfterFunc(patience, func() { sh.cmd.Process.Kill() })
	defer over.Stop()
	code = -1
	if sh.status.Scan() {
		code, _ = strconv.Atoi(sh.status.Text())
	}
	out, err := os.ReadFile(s.inside(script + ".out"))
	if err != nil && code != -1 {
		s.t.Fatal(err)
	}
	return string(out), code
}
