//go:build unix

package osuser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeGetent puts a getent in front of all others. It writes down its calls.
func fakeGetent(t *testing.T, script string) (calls func() int) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "calls")
	text := fmt.Sprintf("#!/bin/sh\necho \"$@\" >>%s\n%s\n", log, script)
	if err := os.WriteFile(filepath.Join(dir, "getent"), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	Forget()
	t.Cleanup(Forget)
	return func() int {
		data, _ := os.ReadFile(log)
		return strings.Count(string(data), "\n")
	}
}

func TestLookupAsksTheNameServices(t *testing.T) {
	calls := fakeGetent(t, `case "$*" in
"passwd ldap-user") echo 'ldap-user:*:70001:70000:A User:/home/u:/bin/sh' ;;
"group ldap-group") printf 'ldap-group:*:70002:'; head -c 1000000 /dev/zero | tr '\0' 'm'; echo ;;
"group odd") echo 'odd' ;;
"group large") echo 'large:*:4294967295:' ;;
"group broken") exit 3 ;;
*) exit 2 ;;
esac`)
	for _, test := range []struct {
		lookup func(string) (ID, error)
		name   string
		want   uint32
		err    string
	}{
		{User, "ldap-user", 70001, ""},
		{Group, "ldap-group", 70002, ""},
		{User, "nobody-at-all", 0, "unknown user"},
		{Group, "nobody-at-all", 0, "unknown group nobody-at-all"},
		{Group, "odd", 0, "an answer that is none"},
		{Group, "large", 0, "4294967295 is no number"},
		{Group, "broken", 0, "exit status 3"},
		{User, "root", 0, ""},
		{User, "12", 12, ""},
		{Group, "4294967294", 4294967294, ""},
		{Group, "4294967295", 0, "no number of a user or group"},
		{Group, "99999999999999999999", 0, "no number of a user or group"},
	} {
		for range 2 {
			got, err := test.lookup(test.name)
			if err == nil && got != (ID{Number: test.want}) || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: got %v, %v; want %d, %q", test.name, got, err, test.want, test.err)
			}
		}
	}
	if n := calls(); n != 7 {
		t.Errorf("getent was called %d times, want once for each of 7 names", n)
	}
}

func TestLookupForgetsThatANameIsUnknown(t *testing.T) {
	calls := fakeGetent(t, "exit 2")
	Group("late")
	a := system.answers["group late"]
	if left := time.Until(a.until); left <= 0 || left > unknownTime {
		t.Errorf("kept for %v", left)
	}
	a.until = time.Now()
	system.answers["group late"] = a
	Group("late")
	if n := calls(); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

// Name services that are away, or know nothing while they start, take back no answer
// before a day has passed.
func TestLookupKeepsAnAnswer(t *testing.T) {
	fakeGetent(t, `if [ -e "${0%/*}/gone" ]; then exit 2; fi; echo "group:*:70002:"`)
	if id, err := Group("ldap-group"); id != (ID{Number: 70002}) || err != nil {
		t.Fatalf("%v, %v, want 70002", id, err)
	}
	path, err := exec.LookPath("getent")
	if err == nil {
		err = os.WriteFile(filepath.Join(filepath.Dir(path), "gone"), nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		age  time.Duration // of the answer
		want uint32
	}{{time.Hour, 70002}, {23 * time.Hour, 70002}, {25 * time.Hour, 0}} {
		a := system.answers["group ldap-group"]
		a.until, a.given = time.Now(), time.Now().Add(-test.age)
		system.answers["group ldap-group"] = a
		if id, err := Group("ldap-group"); err == nil && id.Number != test.want || (err == nil) != (test.want != 0) {
			t.Errorf("after %v: %v, %v, want %d", test.age, id, err, test.want)
		}
	}
}

// However many names are asked for, name services that hang hold up an agent once,
// and for less than it may take to stop.
func TestLookupWaitsOnce(t *testing.T) {
	calls := fakeGetent(t, "sleep 10 # not the shell itself: it stays when that is killed")
	start := time.Now()
	for _, name := range []string{"one", "two", "three"} {
		if _, err := Group(name); err == nil || !strings.Contains(err.Error(), "did not answer") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if took := time.Since(start); took > answerTime+time.Second {
		t.Errorf("it took %v", took)
	}
	if n := calls(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

// Forget drops all that was said.
func TestForget(t *testing.T) {
	calls := fakeGetent(t, `echo "group:*:70002:"`)
	Group("ldap-group")
	Forget()
	Group("ldap-group")
	if n := calls(); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestFind(t *testing.T) {
	fakeGetent(t, `case "$*" in
"passwd alice"|"passwd 70001") echo 'alice:*:70001:70000:Alice:/home/alice:/bin/sh' ;;
"initgroups alice") echo 'alice                 70000 70005 70007' ;;
"passwd bob") echo 'bob:*:70002:70000:Bob:/home/bob:/bin/sh' ;;
"initgroups bob") exit 3 ;;
"passwd short") echo 'short:*:70003:70000' ;;
"passwd large") echo 'large:*:70003:4294967295::/:/bin/sh' ;;
*) exit 2 ;;
esac`)
	if a, err := Find("70001"); err != nil || a.Name != "alice" {
		t.Errorf("70001: %+v, error %v", a, err)
	}
	if a, err := Find("0"); err != nil || a.Name != "root" {
		t.Errorf("0: %+v, error %v", a, err)
	}
	a, err := Find("alice")
	if err != nil || a.Name != "alice" || a.Home != "/home/alice" || a.UID != 70001 || a.GID != 70000 {
		t.Fatalf("alice: %+v, error %v", a, err)
	}
	if groups, err := a.Groups(); err != nil || fmt.Sprint(groups) != "[70000 70005 70007]" {
		t.Errorf("alice's groups: %v, error %v", groups, err)
	}
	root, err := Find("root")
	if err != nil || root.UID != 0 || root.Home == "" {
		t.Fatalf("root: %+v, error %v", root, err)
	}
	if groups, err := root.Groups(); err != nil || len(groups) == 0 || groups[0] != 0 {
		t.Errorf("root's groups: %v, error %v", groups, err)
	}
	b, err := Find("bob")
	if err != nil {
		t.Fatal(err)
	}
	if groups, err := b.Groups(); err == nil {
		t.Errorf("bob has groups %v, though nobody says so", groups)
	}
	for name, want := range map[string]string{"nobody-at-all": "unknown user nobody-at-all", "70009": "unknown user 70009", "short": "without a home", "large": "no number"} {
		if a, err := Find(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, error %v, want %q", name, a, err, want)
		}
	}
}
