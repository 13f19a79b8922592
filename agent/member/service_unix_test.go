//go:build unix

package member

import (
	"os"
	"path/filepath"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/internal/nodeapi"
)

// enrolled has a new node join, and keeps its identity.
func enrolled(t *testing.T, token *nodeapi.Token) (*statedir.Dir, *Identity) {
	t.Helper()
	state, err := statedir.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	keys, err := JoiningKeys(state, token)
	if err != nil {
		t.Fatal(err)
	}
	id, err := Enroll(t.Context(), token, keys, "n")
	if err != nil {
		t.Fatal(err)
	}
	if err := id.Save(state); err != nil {
		t.Fatal(err)
	}
	return state, id
}

// A renewed identity is used when it is stored: a restart finds no older one.
func TestRenewedIdentityIsStoredFirst(t *testing.T) {
	state, id := enrolled(t, agenttest.NewService(t).Token(1))
	service := NewService(id, state, "", "")
	defer service.Close()
	away := state.Path() + ".away"
	if err := os.Rename(state.Path(), away); err != nil {
		t.Fatal(err)
	}
	if err := service.Renew(t.Context()); err == nil || service.Identity() != id {
		t.Errorf("it cannot be stored: error %v, and %+v is used", err, service.Identity())
	}
	if err := os.Rename(away, state.Path()); err != nil {
		t.Fatal(err)
	}
	if err := service.Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	stored, err := Load(state.Path())
	if err != nil || !stored.Certificate.Equal(service.Identity().Certificate) || stored.Certificate.Equal(id.Certificate) {
		t.Errorf("stored %+v, error %v, and %+v is used", stored, err, service.Identity())
	}
}
