package member

import (
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir/statedirtest"
)

// A token for another pool must not find the keys of a join that may have succeeded.
func TestJoinKeysAreOfOneToken(t *testing.T) {
	s := agenttest.NewService(t)
	state := statedirtest.New(t)
	first := s.Token(1)
	a, err := JoiningKeys(state, first)
	if err != nil {
		t.Fatal(err)
	}
	again, err := JoiningKeys(state, first)
	if err != nil || !again.Equal(a) {
		t.Errorf("another key for the same token (%v)", err)
	}
	other, err := JoiningKeys(state, s.Token(1))
	if err != nil || other.Equal(a) {
		t.Errorf("the same key for another token (%v)", err)
	}
}
