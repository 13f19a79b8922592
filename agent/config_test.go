//go:build unix

package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"poolcert/agent/lastgood"
	"poolcert/batch"
)

func TestConfigDefaults(t *testing.T) {
	c, err := ParseConfig("")
	if err != nil {
		t.Fatal(err)
	}
	if c.Wait != 55*time.Second || c.Owners.For(batch.StartTask).Group != "root" || c.Owners.For(batch.Task).Group != "poolcert-task" {
		t.Errorf("ParseConfig(\"\") = %+v", c)
	}
}

func TestConfig(t *testing.T) {
	c, err := ParseConfig(`
state_dir = "/a/state"
wait = "5s"
initial_jitter = "0s"
expose = "decrypt-only"

[log]
level = "debug"
format = "json"

[owners.task]
user = "0"
group = "12"
expose = "files"

[access.task]
groups = ["34"]
users = ["56"]
`)
	if err != nil {
		t.Fatal(err)
	}
	if c.StateDir != "/a/state" || c.Wait != 5*time.Second || c.InitialJitter != 0 || c.Log.Level != -4 {
		t.Errorf("got %+v", c)
	}
	if got := c.Keyless(); !slices.Equal(got, []batch.Visibility{batch.StartTask, batch.RemoteUser}) {
		t.Errorf("keyless: %v", got)
	}
	if c.Owners.Task.Group != "12" || c.Owners.RemoteUser.Group != "poolcert-remoteuser" || c.Access.Task.Users[0] != "56" {
		t.Errorf("got %+v", c)
	}
}

func TestConfigRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"unknown key":       {"wait = '5s'\nwiat = '6s'\n", "line 2: unknown key wiat"},
		"unknown in table":  {"[log]\nlevel = 'info'\ncolour = 'red'\n", "line 3: unknown key log.colour"},
		"unknown table":     {"\n[owners.tsak]\ngroup = 'x'\n", "line 2: unknown key owners.tsak"},
		"unknown in nested": {"[owners.task]\ngroup = 'x'\n\n[owners.starttask]\ngrp = 'x'\n", "line 5: unknown key owners.starttask.grp"},
		"unknown inline":    {"# x\nowners = { task = { grp = 'x' } }\n", "line 2: unknown key owners.task.grp"},
		"array of tables":   {"[[hook]]\nx = 1\n", "line 2: unknown key hook.x"},
		"bad hook":          {"[[hook]]\ncommand = ['/bin/true']\n\n [[ hook ]] # two\ncommand = ['x']\n", `line 4: hook 2: command: "x" is not an absolute path`},
		"inline hook":       {"\nhook = [{ systemctl = 'stop a.service' }]\n", "line 2: hook 1: systemctl:"},
		"bad initial sync":  {"initial_sync = '2h'\n", "initial_sync: want 0s to 1h"},
		"metrics anywhere":  {"metrics_listen = ':9465'\n", "metrics_listen: want an address"},
		"metrics for all":   {"metrics_listen = '0.0.0.0:9465'\n", "not a loopback address"},
		"metrics no port":   {"metrics_listen = '127.0.0.1'\n", "metrics_listen: "},
		"syntax":            {"wait = \n", "line 1: "},
		"wrong type":        {"\nsocket = 5\n", "line 2: socket: want a text in quotes, and it is a number"},
		"bad duration":      {"wait = 'soon'\n", "line 1: wait: "},
		"duration a number": {"wait = 55\n", "wait: want 1s to 1m0s"},
		"wait too long":     {"wait = '2m'\n", "wait: want 1s to 1m0s"},
		"relative path":     {"state_dir = 'x'\n", `state_dir: "x" is not an absolute path`},
		"bad level":         {"[log]\nlevel = 'loud'\n", "line 2: log.level: "},
		"bad format":        {"[log]\nformat = 'xml'\n", "neither text nor json"},
		"bad expose":        {"expose = 'no'\n", `expose: "no" is neither files nor decrypt-only`},
		"bad expose of one": {"[owners.task]\nexpose = 'no'\n", "owners.task.expose"},
		"bad jitter":        {"initial_jitter = '-1s'\n", "initial_jitter"},
	} {
		_, err := ParseConfig(test.text)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got error %v, want %q", name, err, test.want)
		}
	}
}

func TestLoadConfigNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.toml")
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("LoadConfig = %v, want an error that names %s", err, path)
	}
}

// Who can change the file has the agent's rights.
func TestLoadConfigOthersCanChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.toml")
	for _, test := range []struct {
		text string
		mode os.FileMode
		ok   bool
	}{
		{"[[hook]]\ncommand = ['/bin/true']\n", 0o644, true},
		{"[[hook]]\ncommand = ['/bin/true']\n", 0o664, false},
		{"wait = '5s'\n", 0o644, true},
		{"wait = '5s'\n", 0o646, false},
	} {
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadConfig(path); (err == nil) != test.ok {
			t.Errorf("mode %v: LoadConfig = %v", test.mode, err)
		}
	}
}

func TestNodeKeyDPAPIConfig(t *testing.T) {
	_, err := ParseConfig(`node_key = "dpapi"`)
	if (err == nil) != (hasDPAPI) {
		t.Errorf("dpapi: %v", err)
	}
	if c := DefaultConfig(); (c.NodeKey == lastgood.KeyInDPAPI) != (hasDPAPI) {
		t.Errorf("default %q", c.NodeKey)
	}
}
