//go:build unix

package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"poolcert/internal/testtool"
)

// What needs no account and no agent. The rest is in internal/e2e.
func TestScripts(t *testing.T) {
	testtool.Need(t, "openssl")
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
