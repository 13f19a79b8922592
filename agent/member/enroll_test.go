package member

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/agent/statedir/statedirtest"
	"poolcert/internal/nodeapi"
)

// enrolled has a new node join, and keeps its identity.
func enrolled(t *testing.T, token *nodeapi.Token) (*statedir.Dir, *Identity) {
	t.Helper()
	state := statedirtest.New(t)
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

// What the service makes of a node is believed for this node's key and by the token's CA
// only, though nobody but that service can have answered.
func TestAnswersOfTheService(t *testing.T) {
	s, foreign := agenttest.NewService(t), agenttest.NewService(t)
	token := s.Token(9)
	state, id := enrolled(t, token)
	_, neighbour := enrolled(t, token)
	elsewhere, err := Enroll(t.Context(), foreign.Token(1), id.Keys(), "n")
	if err != nil {
		t.Fatal(err)
	}
	good := nodeapi.EnrollResponse{Account: id.Account, Pool: id.Pool, Node: id.Node, Certificate: id.Certificate.Raw, CA: id.CA.Raw}
	service := NewService(id, state, "", "")
	defer service.Close()
	for name, test := range map[string]struct {
		change      func(r *nodeapi.EnrollResponse)
		want        string
		wantRenewed string
	}{
		"good":                   {func(*nodeapi.EnrollResponse) {}, "", ""},
		"another CA":             {func(r *nodeapi.EnrollResponse) { r.CA = foreign.CA.Raw }, ErrCA.Error(), ""},
		"no CA":                  {func(r *nodeapi.EnrollResponse) { r.CA = nil }, "CA certificate", ""},
		"another node's":         {func(r *nodeapi.EnrollResponse) { r.Certificate = neighbour.Certificate.Raw }, "another key", "another key"},
		"by another CA":          {func(r *nodeapi.EnrollResponse) { r.Certificate = elsewhere.Certificate.Raw }, "not from the service's CA", "not from the service's CA"},
		"all of another service": {func(r *nodeapi.EnrollResponse) { r.Certificate, r.CA = elsewhere.Certificate.Raw, foreign.CA.Raw }, ErrCA.Error(), "not from the service's CA"},
		"no certificate":         {func(r *nodeapi.EnrollResponse) { r.Certificate = nil }, "node certificate", "node certificate"},
		"no node":                {func(r *nodeapi.EnrollResponse) { r.Node = "" }, "names no node", ""},
		"no pool":                {func(r *nodeapi.EnrollResponse) { r.Pool = "" }, "names no node", ""},
	} {
		answer := good
		test.change(&answer)
		s.Answer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == nodeapi.PathRenew {
				json.NewEncoder(w).Encode(&nodeapi.RenewResponse{Certificate: answer.Certificate})
				return
			}
			json.NewEncoder(w).Encode(&answer)
		}))
		_, err := Enroll(t.Context(), token, id.Keys(), "n")
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrCA) != (test.want == ErrCA.Error()) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
		before := service.Identity()
		err = service.Renew(t.Context())
		if (err == nil) != (test.wantRenewed == "") || err != nil && (!strings.Contains(err.Error(), test.wantRenewed) || service.Identity() != before) {
			t.Errorf("%s, renewed: error %v, want %q", name, err, test.wantRenewed)
		}
	}
}
