package agent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/securefile"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
	"poolcert/store"
)

// Faults at system calls. A process of its own starts as an agent does, with set
// A, and installs set B; strace kills it at each of its calls that write, or has
// the call fail. Whatever is left is checked from outside, and a start without
// faults has to complete it.

// sweepCalls are the system calls that change files; of openat, those that create.
var sweepCalls = []string{
	"openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "mkdirat", "symlinkat", "linkat",
	"renameat", "renameat2", "unlinkat", "fchown", "fchownat", "fchmod", "fchmodat", "fsetxattr", "fremovexattr",
}

// installJob holds, in the environment, what the process has to install.
const installJob = "POOLCERT_TEST_INSTALL"

// A sweepJob is a node's two directories, and what it is to have.
type sweepJob struct {
	Dir          string // has certs and state
	Revision     string
	References   []batch.CertificateReference
	Certificates map[batch.Thumbprint]*nodeapi.Certificate
	InPlace      bool // install like somebody who does not know how
}

const (
	sweepGroup  = 54_300
	sweepReader = 54_301
)

// sweepOwners give tasks' files to a group, remote users' to a user by ACL.
func sweepOwners() map[batch.Visibility]store.Owner {
	return map[batch.Visibility]store.Owner{
		batch.Task:       {GID: sweepGroup},
		batch.RemoteUser: {Mode: 0o400, ACL: store.NewACL([]int{sweepReader}, nil)},
	}
}

func (j *sweepJob) root() string  { return filepath.Join(j.Dir, "certs") }
func (j *sweepJob) state() string { return filepath.Join(j.Dir, "state") }

// run installs, as an agent does from its start.
func (j *sweepJob) run(ctx context.Context) error {
	state, err := openStateDir(j.state())
	if err != nil {
		return err
	}
	defer state.Close()
	dir, err := store.OpenDir(store.DirOptions{
		Root: j.root(), Owners: sweepOwners(),
		Formats: map[batch.Visibility][]store.FileFormat{batch.RemoteUser: {store.FileKey}},
	})
	if err != nil {
		return err
	}
	r := &reconciler{
		source: &fakeSource{certificates: j.Certificates}, store: dir, vault: j.vault(state), wants: newLatest[want](),
		record: newRecord(), log: slog.New(slog.DiscardHandler), held: make(map[batch.Thumbprint]*holding),
	}
	r.record.contact(nil)
	if _, err := os.Stat(state.file(lastGoodFile)); err == nil {
		r.restore(ctx)
	}
	if j.InPlace {
		return j.overwrite()
	}
	return r.apply(ctx, wantOf(ctx, j.Revision, j.References...))
}

func (j *sweepJob) vault(state *stateDir) *vault {
	return newVault(state, &Identity{Account: "a", Pool: "p", Node: "n"})
}

// overwrite is the negative control: it has the same end, and keeps no promise.
func (j *sweepJob) overwrite() error {
	dir := filepath.Join(j.root(), "current", "task")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	for thumbprint, c := range j.Certificates {
		name := filepath.Join(dir, "sha1-"+thumbprint.String()+".pfx")
		if err := errors.Join(os.WriteFile(name, c.Data, 0o644), os.Chown(name, 0, sweepGroup), os.Chmod(name, 0o440)); err != nil {
			return err
		}
	}
	return nil
}

// init is the process, before there are tests, and on the first thread.
func init() {
	text := os.Getenv(installJob)
	if text == "" {
		return
	}
	runtime.LockOSThread()
	var j sweepJob
	err := json.Unmarshal([]byte(text), &j)
	if err == nil {
		err = j.run(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// command returns the process. One thread does all its work, so that the calls can be counted.
func (j *sweepJob) command(prefix ...string) *exec.Cmd {
	text, _ := json.Marshal(j)
	argv := append(prefix, os.Args[0])
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), installJob+"="+string(text), "GOMAXPROCS=1", "GOGC=off")
	return cmd
}

// snapshot returns what is in the current set, with all rights.
func (j *sweepJob) snapshot() (map[string]string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Join(j.root(), "current"))
	if err != nil {
		return nil, err
	}
	tree := make(map[string]string)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		var content []byte
		if !e.IsDir() {
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		acl := make([]byte, 256)
		n, _ := unix.Lgetxattr(path, "system.posix_acl_access", acl)
		name, _ := filepath.Rel(dir, path)
		tree[name] = fmt.Sprintf("%o %d:%d %x %x", st.Mode, st.Uid, st.Gid, acl[:max(n, 0)], sha256.Sum256(content))
		return nil
	})
	return tree, err
}

// exposed returns what is open to somebody who may not have it, anywhere.
func (j *sweepJob) exposed() (found []string) {
	err := filepath.WalkDir(j.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode, st := info.Mode(), info.Sys().(*syscall.Stat_t)
		switch {
		case e.IsDir() && mode.Perm() == 0o700:
			if path != j.state() {
				return fs.SkipDir // nobody gets further
			}
		case e.Type() == fs.ModeSymlink:
		case mode.Perm()&0o022 != 0:
			found = append(found, fmt.Sprintf("%s can be written: %v", path, mode))
		case e.IsDir():
		case st.Uid != 0 || mode.Perm()&0o007 != 0 || strings.HasPrefix(path, j.state()) && mode != 0o600:
			found = append(found, fmt.Sprintf("%s is open: %v, uid %d", path, mode, st.Uid))
		case mode.Perm()&0o040 != 0 && st.Gid != sweepGroup && filepath.Base(filepath.Dir(path)) != "remoteuser":
			found = append(found, fmt.Sprintf("%s is open: %v, gid %d", path, mode, st.Gid))
		}
		return nil
	})
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}

// leftovers returns what a completed install of j should have removed.
func (j *sweepJob) leftovers() (found []string) {
	err := filepath.WalkDir(j.Dir, func(path string, e fs.DirEntry, err error) error {
		name := filepath.Base(path)
		thumbprint, _, isFile := strings.Cut(strings.TrimPrefix(name, "sha1-"), ".")
		gone := strings.HasPrefix(name, "sha1-") && isFile && !slices.ContainsFunc(j.References, func(r batch.CertificateReference) bool {
			return r.Thumbprint.String() == thumbprint && slices.Contains(r.WithDefaults().Visibility, batch.Visibility(filepath.Base(filepath.Dir(path))))
		})
		if gone || securefile.IsTemp(name) || strings.HasPrefix(name, ".new-") || strings.HasPrefix(name, ".current-") {
			found = append(found, path)
		}
		return err
	})
	if all, _ := os.ReadDir(filepath.Join(j.root(), "generations")); err != nil || len(all) > 2 {
		found = append(found, fmt.Sprint(len(all), " generations ", err))
	}
	return found
}

// saved returns the revision of the last-known-good set.
func (j *sweepJob) saved() (string, error) {
	set, err := j.vault(&stateDir{path: j.state()}).load()
	if err != nil || set == nil {
		return "none", err
	}
	return set.Revision, nil
}

// A sweep has the template of a node with set A, and knows how A and B look.
type sweep struct {
	t     *testing.T
	a, b  *sweepJob
	trees map[string]map[string]string // "A", "B", "between"
}

func newSweep(t *testing.T) *sweep {
	t.Helper()
	if os.Geteuid() != 0 {
		testtool.Missing(t, "root, to give files to others", errors.New("not root"))
	}
	base, err := os.MkdirTemp("/dev/shm", "poolcert-sweep-")
	if err != nil {
		base = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	certificates := make(map[batch.Thumbprint]*nodeapi.Certificate)
	ref := func(name string, visible ...batch.Visibility) batch.CertificateReference {
		pair := testcert.RSA(t, testcert.Name(name))
		if certificates[pair.Thumbprint()] == nil {
			certificates[pair.Thumbprint()] = &nodeapi.Certificate{Format: batch.FormatPFX, Data: pair.PFX("pw"), Password: "pw"}
		}
		return refTo(pair.Thumbprint(), visible...)
	}
	both := []batch.Visibility{batch.Task, batch.RemoteUser}
	a := &sweepJob{Revision: "A", Certificates: certificates, References: []batch.CertificateReference{ref("only in A", batch.Task), ref("shared", both...)}}
	b := &sweepJob{Revision: "B", Certificates: certificates, References: []batch.CertificateReference{ref("shared", batch.RemoteUser), ref("only in B", batch.Task)}}
	between := &sweepJob{Revision: "A", Certificates: certificates, References: []batch.CertificateReference{ref("shared", batch.RemoteUser)}}
	s := &sweep{t: t, a: a, b: b, trees: make(map[string]map[string]string)}
	for name, j := range map[string]*sweepJob{"A": a, "B": b, "between": between} {
		j.Dir = filepath.Join(base, name)
		if err := os.Mkdir(j.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := j.command().CombinedOutput(); err != nil {
			t.Fatalf("install %s: %v: %s", name, err, out)
		}
		if s.trees[name], err = j.snapshot(); err != nil {
			t.Fatal(err)
		}
		if found := append(j.exposed(), j.leftovers()...); len(found) > 0 {
			t.Fatalf("%s without a fault: %v", name, found)
		}
	}
	// What the snapshots are compared with has to be right itself.
	for _, name := range []string{"task", "remoteuser"} {
		want := map[string]string{"task": fmt.Sprintf("40750 0:%d ", sweepGroup), "remoteuser": "40750 0:0 020000"}[name]
		if got := s.trees["A"][name]; !strings.HasPrefix(got, want) {
			t.Fatalf("%s is %q, want %q", name, got, want)
		}
	}
	return s
}

// job returns a node with set A that is to install B.
func (s *sweep) job(name string) *sweepJob {
	j := *s.b
	j.Dir = filepath.Join(filepath.Dir(s.a.Dir), name)
	if err := os.RemoveAll(j.Dir); err != nil {
		s.t.Error(err)
	}
	if out, err := exec.Command("cp", "-a", s.a.Dir, j.Dir).CombinedOutput(); err != nil {
		s.t.Errorf("copy: %v: %s", err, out)
	}
	return &j
}

// A point is one call of a system call, counted from 1.
type point struct {
	call string
	n    int
}

var traced = regexp.MustCompile(`^(\d+) +(\w+)\((.*)`)

// points runs j once, and returns the calls of its first thread that change files.
func (s *sweep) points(j *sweepJob) []point {
	s.t.Helper()
	log := filepath.Join(s.t.TempDir(), "trace")
	out, err := j.command("strace", "-f", "-qq", "-o", log, "-e", "trace="+strings.Join(sweepCalls, ",")).CombinedOutput()
	if err != nil {
		s.t.Fatalf("trace: %v: %s", err, out)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		s.t.Fatal(err)
	}
	var points []point
	counts := make(map[string]int)
	first := ""
	for line := range strings.Lines(string(data)) {
		m := traced.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if first == "" {
			first = m[1]
		}
		if m[1] != first {
			continue
		}
		call := m[2]
		if strings.HasPrefix(call, "syscall_0x") {
			// fchmodat2, which this strace does not know: hit the open before it, of its folder.
			points = append(points, point{"openat", counts["openat"]})
			continue
		}
		counts[call]++
		if call != "openat" || strings.Contains(m[3], "O_CREAT") {
			points = append(points, point{call, counts[call]})
		}
	}
	return points
}

// hit runs j with a fault, and tells whether it was met.
func (s *sweep) hit(j *sweepJob, p point, fault string) bool {
	log := j.Dir + ".trace"
	defer os.Remove(log)
	cmd := j.command("strace", "-f", "-qq", "-o", log, "-e", "trace="+p.call, "-e", fmt.Sprintf("inject=%s:%s:when=%d", p.call, fault, p.n))
	_ = cmd.Run() // how it ends is not the question
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signal() == syscall.SIGKILL {
		return true // strace ends as the process did
	}
	data, _ := os.ReadFile(log)
	return strings.Contains(string(data), "INJECTED")
}

// check returns which set j has, and what is wrong with it.
func (s *sweep) check(j *sweepJob, killed bool) (which string, bad []string) {
	tree, err := j.snapshot()
	if err != nil {
		bad = append(bad, err.Error())
	}
	for name, want := range s.trees {
		if maps.Equal(tree, want) {
			which = name
		}
	}
	saved, err := j.saved()
	switch {
	case which == "" || which == "between" && killed:
		bad = append(bad, fmt.Sprintf("the set is none of the two, but %v", slices.Sorted(maps.Keys(tree))))
	case err != nil:
		bad = append(bad, err.Error())
	case killed && (saved == "none" || saved == "A" && which == "B"):
		bad = append(bad, fmt.Sprintf("set %s with the last-known-good set %s: a reboot brings back what was removed", which, saved))
	}
	return which, append(bad, j.exposed()...)
}

// complete starts j without a fault.
func (s *sweep) complete(j *sweepJob) (bad []string) {
	if err := j.run(s.t.Context()); err != nil {
		bad = append(bad, "the next start: "+err.Error())
	}
	if which, more := s.check(j, true); which != "B" || len(more) > 0 {
		bad = append(bad, fmt.Sprintf("the next start leaves set %q: %v", which, more))
	}
	return append(bad, j.leftovers()...)
}

// run sweeps with one fault, and returns how many points are bad.
func (s *sweep) run(fault string, inPlace bool) (bad int) {
	start := time.Now()
	first := s.job("first")
	first.InPlace = inPlace
	points := s.points(first)
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		met    int
		seen   = make(map[string]int)
		todo   = make(chan point)
		report = s.t.Errorf
	)
	if inPlace {
		report = func(string, ...any) {} // bad ones are what is asked for
	}
	for i := range 3 {
		wg.Go(func() {
			for p := range todo {
				j := s.job(fmt.Sprint("node", i))
				j.InPlace = inPlace
				if !s.hit(j, p, fault) {
					continue
				}
				which, problems := s.check(j, fault == "signal=SIGKILL")
				if !inPlace {
					problems = append(problems, s.complete(j)...)
				}
				mu.Lock()
				met++
				seen[which]++
				if len(problems) > 0 {
					bad++
					report("%s at %s %d: %s", fault, p.call, p.n, strings.Join(problems, "; "))
				}
				mu.Unlock()
			}
		})
	}
	for _, p := range points {
		todo <- p
	}
	close(todo)
	wg.Wait()
	s.t.Logf("%s: %d points, %d bad; left: %v; %v", fault, met, bad, seen, time.Since(start).Round(time.Second))
	if met < len(points) || met == 0 {
		s.t.Errorf("only %d of %d points were met", met, len(points))
	}
	if !inPlace && (seen["A"] == 0 || seen["B"] == 0) {
		s.t.Error("want faults before and after the swap")
	}
	return bad
}

func TestFaultsAtEverySystemCall(t *testing.T) {
	testtool.Need(t, "strace")
	s := newSweep(t)
	for _, fault := range []string{"signal=SIGKILL", "error=ENOSPC", "error=EIO"} {
		s.run(fault, false)
	}
	if bad := s.run("signal=SIGKILL", true); bad == 0 {
		t.Error("a program that installs in place passes: the check proves nothing")
	}
}
