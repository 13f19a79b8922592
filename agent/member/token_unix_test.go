//go:build unix

package member

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
)

func TestExchangedTokenIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	text := agenttest.NewService(t).Token(1).Encode()
	wait := agenttest.Exchange(t, path, text, text)
	if _, err := loadToken(path); err == nil || !strings.Contains(err.Error(), "others can change it") {
		t.Errorf("error %v", err)
	}
	wait()
	if _, err := loadToken(path); err != nil {
		t.Errorf("the file after it: %v", err)
	}
}

// A service that makes another node of this one changes nothing here: what the node has is
// not that one's.
func TestRejoinAsAnotherNodeIsRefused(t *testing.T) {
	s := agenttest.NewService(t)
	token := s.Token(9)
	state, id := enrolled(t, token)
	id.Node = "n-0123456789" // by an earlier service
	file := filepath.Join(t.TempDir(), "token")
	if err := errors.Join(id.Save(state), os.WriteFile(file, []byte(token.Encode()), 0o600)); err != nil {
		t.Fatal(err)
	}
	service := NewService(id, state, "", file)
	defer service.Close()
	s.Forget()
	if err := service.Rejoin(t.Context()); err == nil || !strings.Contains(err.Error(), "it is node n-0123456789 of") {
		t.Errorf("error %v", err)
	}
	if stored, err := Load(state.Path()); err != nil || stored.Node != id.Node || service.Identity() != id {
		t.Errorf("stored node %+v, error %v, and it is %+v now", stored, err, service.Identity())
	}
}
