package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for another process.
const patience = 20 * time.Second

// programs is the folder with the three programs.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if programs, err = os.MkdirTemp("", "poolcert-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(programs)
		build := exec.Command("go", "build", "-o", programs, "poolcert/cmd/poolcert", "poolcert/cmd/poolcert-agent", "poolcert/cmd/poolcert-server")
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build the programs:", err)
			return 1
		}
		return m.Run()
	}())
}

func TestScripts(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("these tests need openssl: apt-get install openssl")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Cmds:                commands(map[string]func(*testscript.TestScript, bool, []string){"issuer": startIssuer(t), "person": person}),
		Condition: func(name string) (bool, error) {
			switch name {
			case "root":
				return os.Geteuid() == 0, nil
			case "cgroup2":
				return cgroup2() != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	})
}

// setUp gives a script its environment.
func setUp(env *testscript.Env) error {
	env.Setenv("PATH", programs+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("POOLCERT_CONFIG", filepath.Join(env.WorkDir, "submitter", "config.toml"))
	env.Setenv("POOLCERT_SOCKET", filepath.Join(env.WorkDir, "node", "agent.sock"))
	env.Setenv("GROUP", fmt.Sprint(os.Getgid()))
	env.Setenv("NO_COLOR", "1")
	env.Setenv("CGROUP2", cgroup2())
	running := make(daemons)
	env.Values[daemonsKey{}] = running
	env.Values[issuerKey{}] = new(issuerOf)
	env.Defer(running.stop)
	return nil
}

// commands are those that all scripts have, and more.
func commands(more map[string]func(*testscript.TestScript, bool, []string)) map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, bool, []string){
		"init-server":  initServer,
		"start-server": startServer,
		"login":        login,
		"cert":         makeCertificate,
		"join":         join,
		"start-agent":  startAgent,
		"end":          end,
		"hangup":       hangup,
		"eventually":   eventually,
		"setenv-file":  setenvFile,
		"flip":         flip,
	}
	maps.Copy(all, more)
	return all
}

// cgroup2 returns where groups of processes can be made, or "".
func cgroup2() string {
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(root + "/cgroup.controllers"); err != nil {
			continue
		}
		if probe, err := os.MkdirTemp(root, "poolcert-"); err == nil {
			os.Remove(probe)
			return root
		}
	}
	return ""
}

// daemons are the processes that a script has started, by name.
type daemons map[string]*exec.Cmd

type daemonsKey struct{}

func (d daemons) stop() {
	for name := range d {
		d.end(name, syscall.SIGKILL)
	}
}

func (d daemons) end(name string, sig syscall.Signal) error {
	cmd := d[name]
	if cmd == nil {
		return fmt.Errorf("%s is not running", name)
	}
	delete(d, name)
	cmd.Process.Signal(sig)
	timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer timer.Stop()
	return cmd.Wait()
}

// start runs a program in the background; what it says goes to NAME.log.
func start(ts *testscript.TestScript, name, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(programs, program), args...)
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("WORK")}
	startCommand(ts, name, cmd)
	return cmd
}

func startCommand(ts *testscript.TestScript, name string, cmd *exec.Cmd) {
	log, err := os.OpenFile(ts.MkAbs(name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	ts.Value(daemonsKey{}).(daemons)[name] = cmd
}

// waitFor calls f until it succeeds.
func waitFor(ts *testscript.TestScript, what string, f func() error) {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s: not within %v: %v", what, patience, err)
		}
		<-tick.C
	}
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// init-server DIR [SETTING...] makes a server's data directory for loopback,
// and the account "acct", whose key goes into DIR.key.
func initServer(ts *testscript.TestScript, neg bool, args []string) {
	dir := args[0]
	ts.Check(ts.Exec("poolcert-server", "init", "--dir", dir, "--host", "localhost", "--host", "127.0.0.1"))
	config := ts.MkAbs(filepath.Join(dir, "server.toml"))
	data, err := os.ReadFile(config)
	ts.Check(err)
	settings := append([]string{`listen = "127.0.0.1:0"`, `node_listen = "127.0.0.1:0"`}, args[1:]...)
	set := make(map[string]bool)
	for _, line := range settings {
		name, _, _ := strings.Cut(line, "=")
		set[strings.TrimSpace(name)] = true
	}
	var kept []string
	for line := range strings.Lines(string(data)) {
		if name, _, _ := strings.Cut(line, "="); !set[strings.TrimSpace(name)] {
			kept = append(kept, line)
		}
	}
	ts.Check(os.WriteFile(config, []byte(strings.Join(settings, "\n")+"\n"+strings.Join(kept, "")), 0o600))
	cmd := exec.Command(filepath.Join(programs, "poolcert-server"), "account", "create", "--dir", ts.MkAbs(dir), "acct", "--json")
	cmd.Stderr = ts.Stderr()
	out, err := cmd.Output()
	ts.Check(err)
	var account struct{ PrimaryKey string }
	ts.Check(json.Unmarshal(out, &account))
	ts.Check(os.WriteFile(ts.MkAbs(dir+".key"), []byte(account.PrimaryKey), 0o600))
}

// start-server DIR runs it, and sets $ENDPOINT and $NODE_ENDPOINT.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	dir := args[0]
	ready := ts.MkAbs(dir + ".ready")
	if err := os.Remove(ready); err != nil && !errors.Is(err, fs.ErrNotExist) {
		ts.Check(err)
	}
	start(ts, dir, "poolcert-server", append([]string{"run", "--dir", dir, "--ready-file", ready}, args[1:]...)...)
	var addresses struct {
		URL     string
		NodeURL string
	}
	waitFor(ts, "server", func() error { return readJSON(ready, &addresses) })
	ts.Setenv("ENDPOINT", addresses.URL)
	ts.Setenv("NODE_ENDPOINT", addresses.NodeURL)
}

// login DIR logs in to the account of a server.
func login(ts *testscript.TestScript, neg bool, args []string) {
	dir := args[0]
	ts.Check(ts.Exec("poolcert", "login", "--endpoint", ts.Getenv("ENDPOINT"), "--account", "acct", "--ca", filepath.Join(dir, "ca.pem"), "--key-file", dir+".key"))
}

// cert NAME makes NAME.key, NAME.crt, NAME.pw and NAME.pfx with openssl.
func makeCertificate(ts *testscript.TestScript, neg bool, args []string) {
	name := args[0]
	ts.Check(ts.Exec("openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "30", "-subj", "/CN="+name, "-keyout", name+".key", "-out", name+".crt"))
	ts.Check(os.WriteFile(ts.MkAbs(name+".pw"), []byte("pass of "+name+"\n"), 0o600))
	ts.Check(ts.Exec("openssl", "pkcs12", "-export", "-in", name+".crt", "-inkey", name+".key", "-passout", "file:"+name+".pw", "-out", name+".pfx"))
}

// join POOL makes a token and joins the node of this script to the pool. The
// node's files are below node/.
func join(ts *testscript.TestScript, neg bool, args []string) {
	config := ts.MkAbs("agent.toml")
	node := ts.MkAbs("node")
	ts.Check(os.MkdirAll(node, 0o755))
	text := fmt.Sprintf("state_dir = %q\ncertificates_dir = %q\nsocket = %q\ninitial_jitter = \"0s\"\n", node+"/state", node+"/certs", node+"/agent.sock")
	for _, v := range []string{"task", "starttask", "remoteuser"} {
		text += fmt.Sprintf("[owners.%s]\nuser = \"%d\"\ngroup = \"%d\"\n", v, os.Getuid(), os.Getgid())
	}
	ts.Check(os.WriteFile(config, []byte(text), 0o600))
	if len(args) == 0 {
		return // the configuration only
	}
	token := exec.Command(filepath.Join(programs, "poolcert"), "pool", "token", "create", args[0])
	token.Env = []string{"POOLCERT_CONFIG=" + ts.Getenv("POOLCERT_CONFIG")}
	token.Stderr = ts.Stderr()
	out, err := token.Output()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("token"), out, 0o600))
	ts.Check(ts.Exec("poolcert-agent", "--config", config, "join", "--token-file", "token"))
}

// start-agent runs the node's agent.
func startAgent(ts *testscript.TestScript, neg bool, args []string) {
	start(ts, "agent", "poolcert-agent", "--config", ts.MkAbs("agent.toml"), "run")
}

// end NAME [-kill] ends a server (by its directory) or the agent, and wants it
// to end well, unless it was killed.
func end(ts *testscript.TestScript, neg bool, args []string) {
	sig := syscall.SIGTERM
	if len(args) > 1 && args[1] == "-kill" {
		sig = syscall.SIGKILL
	}
	err := ts.Value(daemonsKey{}).(daemons).end(args[0], sig)
	if sig == syscall.SIGTERM {
		ts.Check(err)
	}
}

// hangup NAME sends SIGHUP to a server or the agent.
func hangup(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(ts.Value(daemonsKey{}).(daemons)[args[0]].Process.Signal(syscall.SIGHUP))
}

// eventually CMD... runs a command until it succeeds; ! eventually until it
// fails. eventually exists FILE and eventually missing FILE wait for files.
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	waitFor(ts, strings.Join(args, " "), func() error {
		var err error
		switch args[0] {
		case "exists":
			_, err = os.Stat(ts.MkAbs(args[1]))
		case "missing":
			if _, err = os.Stat(ts.MkAbs(args[1])); err == nil {
				return errors.New("it is there")
			} else if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
		default:
			err = ts.Exec(args[0], args[1:]...)
		}
		if neg && err == nil {
			return errors.New("it goes on succeeding")
		} else if neg {
			return nil
		}
		return err
	})
}

// setenv-file NAME FILE sets a variable to the content of a file or of stdout,
// without the last line break.
func setenvFile(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile(args[1]), "\n"))
}

// flip FILE OFFSET inverts the lowest bit of one byte; a negative offset counts
// from the end.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	var offset int
	_, err := fmt.Sscan(args[1], &offset)
	ts.Check(err)
	if offset < 0 {
		offset += len(data)
	}
	data[offset] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}
