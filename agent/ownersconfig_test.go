//go:build unix

package agent

import (
	"fmt"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/store"
)

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
	owner, err := c.Owners.Task.Resolve()
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
