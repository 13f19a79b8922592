package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"time"

	"poolcert/account"
	"poolcert/account/oidc"
	"poolcert/account/rest"
	"poolcert/batch"
	"poolcert/internal/cli"
)

// signIn is the table [oidc].
type signIn struct {
	Issuer   string      `toml:"issuer"`
	Audience string      `toml:"audience"`
	CAFile   string      `toml:"ca_file"`
	Scopes   []string    `toml:"scopes"`
	Rules    []oidc.Rule `toml:"rule"`
}

const oidcText = `
# Sign-in with an OpenID Connect issuer, such as Entra ID, Keycloak or Dex, beside the
# keys of accounts. The issuer may be away: tokens are then checked with the keys that
# it had, for up to a day. docs/operations.md tells what to register there.
# [oidc]
# issuer = "https://login.example.org/realms/hpc"
# audience = "poolcert"            # the client id
# ca_file = "issuer-ca.pem"        # what its TLS certificate is signed with, if not publicly
# scopes = ["openid", "profile", "email", "offline_access"]    # that 'poolcert login --oidc' asks for

# Who may do what: a claim of the token, the value that it has or contains, the role,
# and the account. reader: look; contributor: all that the account's key allows. The
# strongest role wins. Claims inside of others are written as "realm_access.roles".
# [[oidc.rule]]
# claim = "groups"
# value = "hpc-admins"
# role = "contributor"
# account = "myaccount"
`

// defaultScopes get a token that can be renewed, and says who signed in.
var defaultScopes = []string{"openid", "profile", "email", "offline_access"}

// check looks at all but the CA file, and asks nobody.
func (s *signIn) check() error {
	if _, err := oidc.New(oidc.Config{Issuer: s.Issuer, Audience: s.Audience, Rules: s.Rules}); err != nil {
		return cli.Hint(fmt.Errorf("oidc: %w", err), "the written server.toml has an example, and docs/operations.md one for each issuer")
	}
	if s.Scopes != nil && !slices.Contains(s.Scopes, "openid") {
		return errors.New("oidc: scopes: \"openid\" has to be among them")
	}
	return nil
}

// verifier makes what checks tokens. It asks nobody.
func (s *signIn) verifier(log *slog.Logger) (*oidc.Verifier, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("oidc: ca_file: %w", err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("oidc: ca_file: no certificate in PEM form in %s", s.CAFile)
		}
	}
	return oidc.New(oidc.Config{
		Issuer: s.Issuer, Audience: s.Audience, Rules: s.Rules, Log: log,
		HTTP: &http.Client{
			Transport: &http.Transport{
				Proxy:             http.ProxyFromEnvironment,
				TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				ForceAttemptHTTP2: true,
				IdleConnTimeout:   time.Minute,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	})
}

// signIn is how tokens are checked; the zero value if none are taken.
func (c *config) signIn(log *slog.Logger) (rest.SignIn, error) {
	if c.OIDC == nil {
		return rest.SignIn{}, nil
	}
	verifier, err := c.OIDC.verifier(log)
	if err != nil {
		return rest.SignIn{}, err
	}
	scopes := c.OIDC.Scopes
	if scopes == nil {
		scopes = defaultScopes
	}
	return rest.SignIn{Verifier: verifier, Client: batch.SignIn{Issuer: c.OIDC.Issuer, ClientID: c.OIDC.Audience, Scopes: scopes}}, nil
}

// text is for the check command.
func (s *signIn) text() string {
	if s == nil {
		return "off"
	}
	return fmt.Sprintf("%s, audience %s, rules: %d", s.Issuer, s.Audience, len(s.Rules))
}

// warn tells what works today, or not, beside the file: an issuer that doesn't
// answer, and rules for accounts that are not there. Both may change.
func (s *signIn) warn(ctx context.Context, service *account.Service, to io.Writer) error {
	if s == nil {
		return nil
	}
	verifier, err := s.verifier(nil)
	if err != nil {
		return err
	}
	accounts, err := service.Accounts(ctx)
	if err != nil {
		return err
	}
	for i, rule := range s.Rules {
		if !slices.Contains(accounts, rule.Account) {
			fmt.Fprintf(to, "poolcert-server: warning: oidc: rule %d: there is no account %q\n", i+1, rule.Account)
		}
	}
	if err := verifier.Fetch(ctx); err != nil {
		fmt.Fprintf(to, "poolcert-server: warning: oidc: %v\n", err)
	}
	return nil
}
