//go:build unix

package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/internal/testtool"
)

func shell(script string) *Hook {
	return &Hook{Command: []string{"/bin/sh", "-c", script}, Timeout: 20 * time.Second}
}

func testChange() *Change {
	return &Change{
		Hook: "h", Attempt: 2, Revision: "r7", Facts: Facts{"acct", "pool", "node", "/run/c/current"},
		Installed: []Certificate{cert(1, "a", batch.Task), cert(2, "b", batch.Task)}, Removed: []Certificate{}, Changed: []Certificate{},
	}
}

func TestExecuteTellsTheFacts(t *testing.T) {
	t.Setenv("SECRET_OF_THE_AGENT", "x")
	a := shell(`env | sort; cat; pwd`).execute(t.Context(), testChange(), nil)
	if a.err != nil || a.exit != 0 {
		t.Fatalf("%+v", a)
	}
	for _, want := range []string{
		"POOLCERT_HOOK=h\n", "POOLCERT_ATTEMPT=2\n", "POOLCERT_REVISION=r7\n", "POOLCERT_POOL=pool\n", "POOLCERT_REMOVED=\n",
		"POOLCERT_INSTALLED=0100000000000000000000000000000000000000 0200000000000000000000000000000000000000\n",
		"POOLCERT_CERTIFICATES_DIR=/run/c/current\n", "\n/",
	} {
		if !strings.Contains(a.output, want) {
			t.Errorf("no %q in %s", want, a.output)
		}
	}
	if strings.Contains(a.output, "SECRET_OF_THE_AGENT") {
		t.Error("the agent's environment is passed on")
	}
	_, line, _ := strings.Cut(a.output, "{")
	var c Change
	if err := json.NewDecoder(strings.NewReader("{" + line)).Decode(&c); err != nil || c.Node != "node" || len(c.Installed) != 2 || c.Removed == nil {
		t.Errorf("stdin %+v, %v", c, err)
	}
}

func TestExecuteFails(t *testing.T) {
	for name, test := range map[string]struct {
		hook *Hook
		want string
		exit int
	}{
		"exit code": {shell("echo why >&2; exit 7"), "exit code 7", 7},
		"signal":    {shell("kill -TERM $$"), "signal: terminated", -1},
		"missing":   {&Hook{Command: []string{"/nonexistent/program"}}, "no such file", -1},
	} {
		a := test.hook.execute(t.Context(), testChange(), nil)
		if a.err == nil || !strings.Contains(a.err.Error(), test.want) || a.exit != test.exit {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A program that does not read what it is told, and one that leaves a child
// behind, do well.
func TestExecuteIsPatient(t *testing.T) {
	big := testChange()
	for range 2000 {
		big.Changed = append(big.Changed, cert(3, strings.Repeat("n", 100)))
	}
	if a := (&Hook{Command: []string{"/bin/true"}}).execute(t.Context(), big, nil); a.err != nil {
		t.Errorf("unread input: %+v", a)
	}
	if a := shell("sleep 60 & echo $!").execute(t.Context(), testChange(), nil); a.err != nil {
		t.Errorf("a child left: %+v", a)
	} else if pid, err := strconv.Atoi(a.output); err == nil {
		defer func() { p, _ := os.FindProcess(pid); p.Kill() }()
	}
}

// The time is up: the whole process group is killed.
func TestExecuteTimesOut(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	h := shell(`(trap "" TERM; exec sleep 300) > "` + fifo + `" & echo started; wait`)
	h.Timeout = time.Second
	closed := make(chan error, 1)
	go func() { // ends when no process of the group has the pipe any more
		_, err := os.ReadFile(fifo)
		closed <- err
	}()
	a := h.execute(t.Context(), testChange(), nil)
	if a.err == nil || !strings.Contains(a.err.Error(), "longer than 1s") || a.output != "started" || a.exit != -1 {
		t.Errorf("%+v", a)
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("a child lives on")
	}
}

func TestExecuteIsStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := shell("sleep 300").execute(ctx, testChange(), nil); a.err == nil {
		t.Errorf("%+v", a)
	}
}

func TestCheckSystemctl(t *testing.T) {
	testCheck(t, map[string]checkTest{
		"systemctl":         {Hook{Systemctl: `try-restart my-app@a\x2db.service`}, ""},
		"verb":              {Hook{Systemctl: "stop nginx.service"}, `systemctl: "stop" is none of reload`},
		"no unit":           {Hook{Systemctl: "reload"}, "not the name of one unit"},
		"no type":           {Hook{Systemctl: "reload nginx"}, "not the name of one unit"},
		"two units":         {Hook{Systemctl: "reload a.service b.service"}, "not the name of one unit"},
		"option":            {Hook{Systemctl: "reload --root=x.service"}, "not the name of one unit"},
		"pattern of units":  {Hook{Systemctl: "reload *.service"}, "not the name of one unit"},
		"path":              {Hook{Systemctl: "reload /etc/a.service"}, "not the name of one unit"},
		"user of systemctl": {Hook{Systemctl: "reload a.service", User: "x"}, "user: systemctl runs as"},
	})
}

// A user, and its groups, may be known to the name services only.
func TestLookUpAsksTheNameServices(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in\n" +
		"'passwd ldap-user') echo 'ldap-user:*:54321:54322::/home/u:/bin/sh' ;;\n" +
		"'initgroups ldap-user') echo 'ldap-user 54322 54323' ;;\n*) exit 2 ;;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "getent"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	a, err := LookUp("ldap-user")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Account{Name: "ldap-user", Home: "/home/u", UID: 54321, GID: 54322, Groups: []uint32{54322, 54323}}); !reflect.DeepEqual(*a, want) {
		t.Errorf("got %+v, want %+v", *a, want)
	}
}

// A hook of another user has that user's rights alone.
func TestExecuteAsUser(t *testing.T) {
	testtool.NeedRoot(t, "to run a program as another user")
	account, err := LookUp("nobody")
	if err != nil {
		t.Fatal(err)
	}
	a := shell("id -u; id -g; id -G; echo $USER").execute(t.Context(), testChange(), account)
	want, err := exec.Command("sh", "-c", "id -u nobody; id -g nobody; id -G nobody; echo nobody").Output()
	if err != nil {
		t.Fatal(err)
	}
	if a.err != nil || a.output != string(bytes.TrimSpace(want)) {
		t.Errorf("got %+v, want %q", a, want)
	}
	account.Groups = []uint32{account.GID, 54_321}
	if a := shell("id -G").execute(t.Context(), testChange(), account); a.err != nil || a.output != fmt.Sprint(account.GID, 54_321) {
		t.Errorf("supplementary groups: %+v", a)
	}
	if _, err := LookUp("no-such-user"); err == nil {
		t.Error("LookUp of a user that does not exist: no error")
	}
}
