//go:build unix

package agent

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"poolcert/internal/localsock"
)

// The status is for root and the agent's own user.
func TestStatusCallers(t *testing.T) {
	for name, test := range map[string]struct {
		caller localsock.Caller
		err    error
		want   int
	}{
		"root":     {localsock.Caller{}, nil, http.StatusOK},
		"own user": {localsock.Caller{UID: uint32(os.Geteuid())}, nil, http.StatusOK},
		"stranger": {localsock.Caller{UID: 54_321, GID: 54_321, Groups: []uint32{0}}, nil, http.StatusForbidden},
		"unknown":  {localsock.Caller{}, errors.New("not known"), http.StatusForbidden},
	} {
		r := httptest.NewRequest(http.MethodGet, statusPath, nil)
		r = r.WithContext(localsock.NewContext(r.Context(), test.caller, test.err))
		w := httptest.NewRecorder()
		l := &life{status: func() *Status { return &Status{Version: "of the agent"} }}
		l.handler().ServeHTTP(w, r)
		var status Status
		err := json.Unmarshal(w.Body.Bytes(), &status)
		if w.Code != test.want || err != nil || (status.Version != "") != (test.want == http.StatusOK) {
			t.Errorf("%s: status %d, %s, error %v, want %d", name, w.Code, w.Body, err, test.want)
		}
	}
}
