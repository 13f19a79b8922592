package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"poolcert/internal/testtool"
)

// winePrefix names the Windows of these tests.
const winePrefix = "poolcert-e2e"

// TestWindowsScripts drives a node of Windows, under Wine, against a service here. In
// the scripts, w-poolcert, w-poolcert-agent and w-liststore are programs of Windows.
func TestWindowsScripts(t *testing.T) {
	testtool.Need(t, "openssl")
	place := newPlace(t)
	wine, programs := newWindows(t, place)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/windows",
		WorkdirRoot:         place,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			if err := setUp(env); err != nil {
				return err
			}
			env.Setenv("PATH", programs+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("POOLCERT_SOCKET", "")
			return nil
		},
		Cmds: commands(map[string]func(*testscript.TestScript, bool, []string){
			"w-start-agent": func(ts *testscript.TestScript, neg bool, args []string) {
				startCommand(ts, "agent", wine("poolcert-agent.exe", "--config", "agent.toml", "run"))
			},
		}),
	})
}

// newPlace makes a folder for scripts. It is not in /tmp, where everybody may exchange
// what is in it: the agent refuses a configuration there.
func newPlace(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/run", "poolcert-windows-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		os.RemoveAll(dir)
		os.RemoveAll(filepath.Join(wineRoot(), dir)) // where scripts/wine/exec showed it
	})
	return dir
}

// wineRoot is the folder of scripts/wine/setup.
func wineRoot() string {
	if root := os.Getenv("WINE_ROOT"); root != "" {
		return root
	}
	return "/var/tmp/poolcert-wine10"
}

// newWindows makes a Windows anew that sees a folder, and the programs for it. It returns
// what runs one there, and a folder with a program for each that does so.
func newWindows(t *testing.T, shown string) (wine func(program string, args ...string) *exec.Cmd, wrappers string) {
	t.Helper()
	scripts, err := filepath.Abs("../../scripts/wine")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(wineRoot(), ".ready")); err != nil {
		testtool.Missing(t, "Wine, which scripts/wine/setup makes", err)
	}
	testtool.NeedRoot(t, "to enter the root folder of Wine")
	run := func(cmd *exec.Cmd) {
		t.Helper()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	run(exec.Command(filepath.Join(scripts, "setup"), "--new", winePrefix))
	t.Cleanup(func() {
		end := exec.Command(filepath.Join(scripts, "exec"), "-k")
		end.Env = append(os.Environ(), "WINE_PREFIX="+winePrefix, "WINE_COMMAND=wineserver")
		_ = end.Run() // it may have ended
	})
	dir, err := os.MkdirTemp("/tmp", "poolcert-windows-") // which is in the root folder of Wine, too
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	build := exec.Command("go", "build", "-o", dir, "poolcert/cmd/poolcert", "poolcert/cmd/poolcert-agent", "./testdata/liststore")
	build.Env = append(os.Environ(), "GOOS=windows", "CGO_ENABLED=0")
	run(build)
	for name, program := range map[string]string{
		"poolcert": dir + "/poolcert.exe", "poolcert-agent": dir + "/poolcert-agent.exe", "liststore": dir + "/liststore.exe",
		"reg": "reg.exe", // of Windows
	} {
		text := fmt.Sprintf("#!/bin/sh\nWINE_PREFIX=%s exec '%s/exec' '%s' \"$@\"\n", winePrefix, scripts, program)
		if err := os.WriteFile(filepath.Join(dir, "w-"+name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(scripts, "exec"), append([]string{program}, args...)...)
		cmd.Env = []string{"WINE_PREFIX=" + winePrefix}
		return cmd
	}
	keepRunning(t, command("cmd.exe"), shown)
	return func(program string, args ...string) *exec.Cmd {
		return command(filepath.Join(dir, program), args...)
	}, dir
}

// keepRunning has Windows run, by its cmd.exe, until the test ends. Else Wine's server ends
// with the last program and comes again with the next one, whose output it then holds open:
// who waits for the end of that output waits for the server. The server opens the files of
// all programs, hence must see the folder too.
func keepRunning(t *testing.T, cmd *exec.Cmd, shown string) {
	t.Helper()
	cmd.Dir = shown
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v", cmd, err)
		}
	})
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
}
