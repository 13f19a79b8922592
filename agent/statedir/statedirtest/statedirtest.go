// Package statedirtest has state directories for tests: [New].
package statedirtest

import (
	"path/filepath"
	"testing"

	"poolcert/agent/statedir"
)

// New opens an empty state directory, until the test ends.
func New(t *testing.T) *statedir.Dir {
	t.Helper()
	state, err := statedir.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	return state
}
