package rest

import (
	"net/http"

	"poolcert/account/oidc"
	"poolcert/batch"
)

// SignIn is how people sign in with tokens. The zero value accepts none.
type SignIn struct {
	Verifier *oidc.Verifier

	// Client is what a client has to know to get a token. It is told to everybody.
	Client batch.SignIn
}

// showSignIn answers the one path that needs no authentication: it tells how to
// get a token.
func (c *call) showSignIn() error {
	switch {
	case c.signIn.Verifier == nil:
		return batch.NewError(batch.CodeResourceNotFound, "This service accepts no tokens. Use the key of the account.")
	case c.r.Method != http.MethodGet && c.r.Method != http.MethodHead:
		c.w.Header().Set("Allow", "GET, HEAD")
		return batch.NewError(batch.CodeUnsupportedHTTPVerb, "The resource doesn't support the specified HTTP verb.")
	}
	return c.json(http.StatusOK, c.signIn.Client)
}
