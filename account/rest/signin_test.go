package rest_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"poolcert/account/oidc"
	"poolcert/account/oidc/oidctest"
	"poolcert/account/rest"
	"poolcert/batch"
)

var testRules = []oidc.Rule{
	{Claim: "groups", Value: "readers", Role: oidc.Reader, Account: "acct"},
	{Claim: "groups", Value: "admins", Role: oidc.Contributor, Account: "acct"},
	{Claim: "groups", Value: "others", Role: oidc.Contributor, Account: "other"},
	{Claim: "groups", Value: "lost", Role: oidc.Contributor, Account: "missing"},
}

// signIn has the story's service take tokens.
func (s *story) signIn() rest.SignIn {
	issuer := oidctest.NewIssuer(s.t)
	group := func(names ...string) string { return issuer.Token(map[string]any{"groups": names}) }
	s.vars["issuer"] = issuer.URL()
	s.vars["reader"] = group("readers")
	s.vars["contributor"] = group("admins", "readers")
	s.vars["both"] = group("readers", "others")
	s.vars["other"] = group("others")
	s.vars["nobody"] = group("guests")
	s.vars["lost"] = group("lost")
	s.vars["expired"] = issuer.Token(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()})
	s.vars["foreign"] = issuer.Token(map[string]any{"aud": "another-service"})
	s.vars["forged"] = s.vars["contributor"][:len(s.vars["contributor"])-10] + "AAAAAAAAAA"
	return newSignIn(s.t, issuer)
}

func newSignIn(t *testing.T, issuer *oidctest.Issuer) rest.SignIn {
	t.Helper()
	v, err := oidc.New(oidc.Config{Issuer: issuer.URL(), Audience: oidctest.ClientID, Rules: testRules})
	if err != nil {
		t.Fatal(err)
	}
	return rest.SignIn{Verifier: v, Client: batch.SignIn{Issuer: issuer.URL(), ClientID: oidctest.ClientID, Scopes: []string{"openid"}}}
}

// What is wrong with a token is in the log, and not in the answer; the token is in
// neither.
func TestRefusedTokenIsLogged(t *testing.T) {
	issuer := oidctest.NewIssuer(t)
	var log bytes.Buffer
	h := rest.New(rest.Config{Service: newTestService(t, time.Hour), SignIn: newSignIn(t, issuer), Log: slog.New(slog.NewTextHandler(&log, nil))})
	token := issuer.Token(map[string]any{"aud": "another-service"})
	r := httptest.NewRequest("GET", "/pools?api-version=2020-09-01.12.0", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "another-service") {
		t.Errorf("answer: %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "another-service") || strings.Contains(log.String(), token[len(token)-40:]) {
		t.Errorf("log: %s", &log)
	}
}

// An issuer that is away leaves those alone who sign with a key, and holders of
// tokens are told to try again.
func TestIssuerAway(t *testing.T) {
	issuer := oidctest.NewIssuer(t)
	issuer.SetAway(true)
	service := newTestService(t, time.Hour)
	primary, _, err := service.CreateAccount(t.Context(), "acct")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(rest.New(rest.Config{Service: service, SignIn: newSignIn(t, issuer)}))
	t.Cleanup(srv.Close)
	for _, err := range (&batch.Client{Endpoint: srv.URL, Credentials: batch.Credentials{Account: "acct", Key: primary}}).Pools(t.Context(), batch.ListOptions{}) {
		t.Errorf("with the key: %v", err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL+"/pools?api-version=2020-09-01.12.0", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+issuer.Token(map[string]any{"groups": "readers"}))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") != "5" {
		t.Errorf("with a token: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
}
