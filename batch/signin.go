package batch

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// SignInPath is where a service tells how to get tokens. It needs no
// authentication.
const SignInPath = "/poolcert/signin"

// AccountHeader names the account that a request with a token is for. It is needed
// when the token is good for several.
const AccountHeader = "Poolcert-Account"

// SignIn is how a client gets a token: by any flow of OpenID Connect at Issuer as
// ClientID, with these scopes. The service takes the ID token.
type SignIn struct {
	Issuer   string   `json:"issuer"`
	ClientID string   `json:"clientId"`
	Scopes   []string `json:"scopes"`
}

// SignIn asks the service how to get a token; no credentials are needed. A service
// that takes none answers with [CodeResourceNotFound].
func (c *Client) SignIn(ctx context.Context) (*SignIn, error) {
	open := *c
	open.Credentials = anonymous{}
	var s SignIn
	if err := open.do(ctx, http.MethodGet, c.base()+SignInPath, nil, nil, &s); err != nil {
		return nil, err
	}
	if s.Issuer == "" || s.ClientID == "" {
		return nil, errors.New("the service does not tell how to sign in")
	}
	return &s, nil
}

// A Signer proves to the service who makes a request.
type Signer interface {
	// Sign adds the proof to a request that is complete but for it.
	Sign(r *http.Request, now time.Time) error
}

// A BearerToken signs with a token of OpenID Connect.
type BearerToken struct {
	// Account may be empty when the token is good for one only.
	Account string
	// Token returns one that is valid now. It is called for each request.
	Token func(context.Context) (string, error)
}

// Sign sets the Authorization header of a request.
func (b BearerToken) Sign(r *http.Request, _ time.Time) error {
	token, err := b.Token(r.Context())
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if b.Account != "" {
		r.Header.Set(AccountHeader, b.Account)
	}
	return nil
}

type anonymous struct{}

func (anonymous) Sign(*http.Request, time.Time) error { return nil }
