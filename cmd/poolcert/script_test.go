package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"poolcert": main, "probe": probe})
}

// What needs no account and no agent. The rest is in internal/e2e.
func TestScripts(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("these tests need openssl: apt-get install openssl")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("POOLCERT_SOCKET", env.WorkDir+"/no-agent.sock")
			return os.MkdirAll(env.WorkDir+"/tmp", 0o700)
		},
	})
}
