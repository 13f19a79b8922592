package oidctest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// A device is the state of the device flow.
type device struct {
	claims  map[string]any // of who signs in; nil: nobody has yet
	refused bool
	polls   int // before the sign-in is answered with pending
	refresh int // counts refresh tokens; only the last one is good
	revoked bool
}

// Device has the next polls of the device flow answered with a token with these
// changes of its claims, after one answer that it is pending.
func (i *Issuer) Device(changes map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if changes == nil {
		changes = map[string]any{}
	}
	i.device = device{claims: changes, refresh: i.device.refresh}
}

// Refuse has the person refuse.
func (i *Issuer) Refuse() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.device.refused = true
}

// Revoke ends all refresh tokens.
func (i *Issuer) Revoke() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.device.revoked = true
}

func (i *Issuer) startDevice(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("client_id") != ClientID {
		refuse(w, "invalid_client")
		return
	}
	json.NewEncoder(w).Encode(map[string]any{
		"device_code": "code-1", "user_code": "ABCD-EFGH", "verification_uri": i.URL() + "/enter",
		"expires_in": 60, "interval": 1,
	})
}

func (i *Issuer) grant(w http.ResponseWriter, r *http.Request) {
	d := &i.device
	switch r.FormValue("grant_type") {
	case "urn:ietf:params:oauth:grant-type:device_code":
		switch {
		case r.FormValue("device_code") != "code-1":
			refuse(w, "invalid_grant")
			return
		case d.refused:
			refuse(w, "access_denied")
			return
		case d.claims == nil || d.polls == 0:
			d.polls++
			refuse(w, "authorization_pending")
			return
		}
	case "refresh_token":
		if d.revoked || r.FormValue("refresh_token") != fmt.Sprintf("refresh-%d", d.refresh) {
			refuse(w, "invalid_grant")
			return
		}
		delete(d.claims, "exp") // of the first token only
	default:
		refuse(w, "unsupported_grant_type")
		return
	}
	d.refresh++
	json.NewEncoder(w).Encode(map[string]any{
		"access_token": "not for this service", "token_type": "bearer", "expires_in": 3600,
		"refresh_token": fmt.Sprintf("refresh-%d", d.refresh), "id_token": i.sign(d.claims),
	})
}

func refuse(w http.ResponseWriter, code string) {
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"error": code})
}
