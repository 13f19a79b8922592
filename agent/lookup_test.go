//go:build unix

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
	"poolcert/store"
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
	old := systemNames
	systemNames = &nameServices{answers: make(map[string]nameAnswer)}
	t.Cleanup(func() { systemNames = old })
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
		lookup func(string) (int, error)
		name   string
		want   int
		err    string
	}{
		{lookupUser, "ldap-user", 70001, ""},
		{lookupGroup, "ldap-group", 70002, ""},
		{lookupUser, "nobody-at-all", 0, "unknown user"},
		{lookupGroup, "nobody-at-all", 0, "unknown group nobody-at-all"},
		{lookupGroup, "odd", 0, "an answer that is none"},
		{lookupGroup, "large", 0, "4294967295 is no number"},
		{lookupGroup, "broken", 0, "exit status 3"},
		{lookupUser, "root", 0, ""},
		{lookupUser, "12", 12, ""},
		{lookupGroup, "4294967294", 4294967294, ""},
		{lookupGroup, "4294967295", 0, "no number of a user or group"},
		{lookupGroup, "99999999999999999999", 0, "no number of a user or group"},
	} {
		for range 2 {
			got, err := test.lookup(test.name)
			if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: got %d, %v; want %d, %q", test.name, got, err, test.want, test.err)
			}
		}
	}
	if n := calls(); n != 7 {
		t.Errorf("getent was called %d times, want once for each of 7 names", n)
	}
}

func TestLookupForgetsThatANameIsUnknown(t *testing.T) {
	calls := fakeGetent(t, "exit 2")
	lookupGroup("late")
	a := systemNames.answers["group late"]
	if left := time.Until(a.until); left <= 0 || left > getentUnknown {
		t.Errorf("kept for %v", left)
	}
	a.until = time.Now()
	systemNames.answers["group late"] = a
	lookupGroup("late")
	if n := calls(); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

// Name services that are away, or know nothing while they start, take back no answer
// before a day has passed.
func TestLookupKeepsAnAnswer(t *testing.T) {
	fakeGetent(t, `if [ -e "${0%/*}/gone" ]; then exit 2; fi; echo "group:*:70002:"`)
	if id, err := lookupGroup("ldap-group"); id != 70002 || err != nil {
		t.Fatalf("%d, %v, want 70002", id, err)
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
		want int
	}{{time.Hour, 70002}, {23 * time.Hour, 70002}, {25 * time.Hour, 0}} {
		a := systemNames.answers["group ldap-group"]
		a.until, a.given = time.Now(), time.Now().Add(-test.age)
		systemNames.answers["group ldap-group"] = a
		if id, err := lookupGroup("ldap-group"); id != test.want || (err == nil) != (test.want != 0) {
			t.Errorf("after %v: %d, %v, want %d", test.age, id, err, test.want)
		}
	}
}

// However many names are asked for, name services that hang hold up an agent once,
// and for less than it may take to stop.
func TestLookupWaitsOnce(t *testing.T) {
	calls := fakeGetent(t, "sleep 10 # not the shell itself: it stays when that is killed")
	start := time.Now()
	for _, name := range []string{"one", "two", "three"} {
		if _, err := lookupGroup(name); err == nil || !strings.Contains(err.Error(), "did not answer") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if took := time.Since(start); took > getentTime+time.Second {
		t.Errorf("it took %v", took)
	}
	if n := calls(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestOwnersConfig(t *testing.T) {
	c, err := ParseConfig(`
formats = ["pem", "key"]
keep_generations = 0

[owners.task]
user = "1000"
group = "33"
mode = "0400"
acl = ["g:34:r", "user:1001:r", "u:7:r"]

[owners.remoteuser]
formats = ["pfx"]
`)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := c.Owners.Task.resolve()
	if want := (store.Owner{UID: 1000, GID: 33, Mode: 0o400, ACL: "u:7:r,u:1001:r,g:34:r"}); err != nil || owner != want {
		t.Errorf("task: %v, %v, want %v", owner, err, want)
	}
	formats := c.formats()
	if fmt.Sprint(formats[batch.Task], formats[batch.RemoteUser]) != "[pem key] [pfx]" {
		t.Errorf("formats: %v", formats)
	}
}

func TestOwnersConfigRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"formats = ['jks']":                        "formats: there is no jks: Java reads pfx, as keystore type PKCS12",
		"formats = ['PEM']":                        `formats: "PEM" is none of pfx, cer, pem, key`,
		"formats = ['pem', 'pem']":                 "formats: pem is there twice",
		"formats = []":                             "formats: an empty list",
		"keep_generations = 11":                    "keep_generations: want 0 to 10",
		"keep_generations = -1":                    "keep_generations: want 0 to 10",
		"[owners.task]\nformats = ['p12']":         `owners.task.formats: "p12" is none of`,
		"[owners.task]\ngroup = '4294967295'":      "owners.task.group: 4294967295 is no number",
		"[owners.task]\nuser = '-x'":               `owners.task.user: "-x" is no name`,
		"[owners.task]\nuser = 'a:b'":              `owners.task.user: "a:b" is no name`,
		"[owners.starttask]\nmode = '0444'":        `owners.starttask.mode: "0444" opens private keys to everybody`,
		"[owners.task]\nmode = '0460'":             `"0460" is none of "0400", "0440", "0600", "0640"`,
		"[owners.task]\nmode = '0040'":             "is none of",
		"[owners.task]\nmode = '440'\nacl = ['x']": `owners.task.acl: "x" is no entry`,
		"[owners.task]\nmode = 'rw'":               `owners.task.mode: "rw" is no mode`,
		"[owners.task]\nacl = ['u:nginx:rw']":      `"u:nginx:rw" is no entry such as "u:nginx:r"`,
		"[owners.task]\nacl = ['o:nginx:r']":       `begins with neither "u:" nor "g:"`,
		"[owners.task]\nacl = ['u::r']":            "names nobody",
		"[owners.task]\nacl = ['u:4294967295:r']":  "owners.task.acl: 4294967295 is no number",
		"[owners.remoteuser]\nacl = ['g:a b:r']":   `"a b" is no name`,
	} {
		if _, err := ParseConfig(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}
