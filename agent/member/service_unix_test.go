//go:build unix

package member

import (
	"os"
	"testing"

	"poolcert/agent/agenttest"
)

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
