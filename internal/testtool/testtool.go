// Package testtool is for tests that want programs of others: [Missing] says what becomes
// of one that cannot run here, which is skipped, or fails where all tools have to be
// there.
package testtool

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

// Missing ends the test, for want of what. It fails if CI is set, or
// POOLCERT_REQUIRE_TOOLS as scripts/test does.
func Missing(t testing.TB, what string, err error) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("POOLCERT_REQUIRE_TOOLS") != "" {
		t.Fatalf("wants %s: %v", what, err)
	}
	t.Skipf("NOT TESTED, wants %s: %v", what, err)
}

// NeedRoot ends the test for any other user than root, who is needed to do what.
func NeedRoot(t testing.TB, what string) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "root, "+what, errors.New("not root"))
	}
}

// Need returns the path of a program, or ends the test.
func Need(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name, err)
	}
	return path
}
