package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"poolcert/account/oidc/oidctest"
	"poolcert/batch"
)

// TestSignIn: the running service takes tokens as its rules say, starts while the
// issuer is away, and tells how to sign in.
func TestSignIn(t *testing.T) {
	issuer := oidctest.NewIssuer(t)
	issuer.SetAway(true)
	r := start(t)
	client := r.account("demo")
	r.end()
	r.appendConfig(fmt.Sprintf(`
[oidc]
issuer = %q
audience = %q
[[oidc.rule]]
claim = "groups"
value = "readers"
role = "reader"
account = "demo"
`, issuer.URL(), oidctest.ClientID))
	r.restart(client)
	if err := client.AddPool(t.Context(), &batch.Pool{ID: "p"}); err != nil {
		t.Fatal(err)
	}
	issuer.SetAway(false)
	how, err := client.SignIn(t.Context())
	if err != nil || how.Issuer != issuer.URL() || how.ClientID != oidctest.ClientID || len(how.Scopes) != len(defaultScopes) {
		t.Errorf("how to sign in: %v, %v", how, err)
	}
	reader := &batch.Client{Endpoint: client.Endpoint, HTTP: client.HTTP, Credentials: batch.BearerToken{
		Token: func(context.Context) (string, error) { return issuer.Token(map[string]any{"groups": "readers"}), nil },
	}}
	if p, err := reader.Pool(t.Context(), "p"); err != nil || p.ID != "p" {
		t.Errorf("a reader gets the pool: %v, %v", p, err)
	}
	if err := reader.DeletePool(t.Context(), "p"); !errors.Is(err, &batch.Error{Code: batch.CodeInsufficientPermissions}) {
		t.Errorf("a reader deletes the pool: %v", err)
	}
}
