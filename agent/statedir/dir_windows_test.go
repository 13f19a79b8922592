package statedir

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/internal/winfile"
)

// Above the state directory, nobody else may exchange a folder. What the agent makes
// there lets nobody.
func TestStateDirBelowAnOpenFolderIsRefused(t *testing.T) {
	above := filepath.Join(t.TempDir(), "poolcert")
	path := filepath.Join(above, "state")
	state, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	state.Close()
	own, err := winfile.Own()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := winfile.OfPath(above); err != nil || d.CheckUnchangeable(own) != nil {
		t.Errorf("the folder that it made: %v, error %v", d, err)
	}
	agenttest.LetOthersWrite(t, above)
	var refused *Error
	if _, err := Open(path); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the folder "+above+" above it is not safe") {
		t.Errorf("got %v, want an Error", err)
	}
}
