// Package oidc tells who sent a bearer token of an OpenID Connect issuer, such as
// Entra ID, Keycloak or Dex, and what the operator's rules let them do.
//
// Make a [Verifier] with [New] and call [Verifier.Verify] for each token. New
// contacts nobody: the issuer's keys are fetched when the first token needs them.
//
// Promised: a token counts only with a signature by a key of the issuer, of a
// fixed list of asymmetric algorithms, and with the issuer, audience and times that
// the configuration asks for; an issuer that is away costs nothing but the tokens
// that need a key not yet known, for as long as a day; whoever sends tokens
// of unknown keys makes the service ask the issuer at most once in five seconds;
// an answer of the issuer is bounded in size and time.
//
// An [Identity] says what the rules allow. To choose the account and to compare the
// role with the operation is for the caller.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	library "github.com/coreos/go-oidc/v3/oidc"
)

// Errors of [Verifier.Verify]. Their text is for the log: a caller that shows a
// client more than which of them it is tells who has no token what to forge.
var (
	// ErrToken is returned for a token that is not to be trusted.
	ErrToken = errors.New("the token is not valid")
	// ErrExpired is returned for a token with a good signature whose time is over.
	ErrExpired = errors.New("the token has expired")
	// ErrUnavailable is returned when the issuer's keys are needed and cannot be had.
	ErrUnavailable = errors.New("the keys of the issuer cannot be had")
)

const (
	// MaxToken bounds a token in bytes. Entra ID's with 200 groups have 9 KB.
	MaxToken = 16 << 10

	// clockSkew is how far the issuer's clock may be ahead or behind.
	clockSkew = time.Minute
)

// algorithms are those that may sign a token (RFC 7518, section 3.1). Symmetric
// ones and "none" would let everybody sign who knows a public key.
var algorithms = []string{
	library.RS256, library.RS384, library.RS512,
	library.PS256, library.PS384, library.PS512,
	library.ES256, library.ES384, library.ES512,
	library.EdDSA,
}

// Config is what a verifier works with. Issuer, Audience and Rules are needed.
type Config struct {
	// Issuer is the URL that tokens name in iss, and below which its discovery
	// document is.
	Issuer string

	// Audience is what tokens have to name in aud: the client id.
	Audience string

	Rules []Rule

	// HTTP asks the issuer. It must not follow redirects to where tokens could be
	// forged; nil means a client that follows none.
	HTTP *http.Client

	// Log may be nil.
	Log *slog.Logger
}

// A Verifier checks tokens of one issuer. It is safe for concurrent use.
type Verifier struct {
	issuer   string
	audience string
	rules    []Rule
	keys     *keySet
	now      func() time.Time
}

// An Identity is who a token is for.
type Identity struct {
	// Subject is the issuer's name for it (sub), for logs.
	Subject string
	// Name is what a person knows it by: an address or a user name. It may be
	// empty, and proves nothing.
	Name string
	// Roles are what the rules allow, by account.
	Roles map[string]Role
}

// New returns a verifier, or what is wrong with the configuration. It starts
// nothing.
func New(cfg Config) (*Verifier, error) {
	if err := checkIssuer(cfg.Issuer); err != nil {
		return nil, err
	}
	if cfg.Audience == "" {
		return nil, errors.New("audience: the client id of the tokens is needed")
	}
	if len(cfg.Rules) == 0 {
		return nil, errors.New("rule: at least one is needed, or nobody may do anything")
	}
	for i, rule := range cfg.Rules {
		if err := rule.check(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	v := &Verifier{issuer: cfg.Issuer, audience: cfg.Audience, rules: cfg.Rules, now: time.Now}
	v.keys = &keySet{issuer: cfg.Issuer, http: cfg.HTTP, log: cfg.Log, now: v.clock, busy: make(chan struct{}, 1)}
	return v, nil
}

// Fetch fetches the issuer's keys now, for who wants to know whether that works.
// Nobody else needs it. The error is [ErrUnavailable].
func (v *Verifier) Fetch(ctx context.Context) error { return v.keys.refresh(ctx, false) }

// Mentions reports whether a rule is for the account.
func (v *Verifier) Mentions(account string) bool {
	return slices.ContainsFunc(v.rules, func(r Rule) bool { return r.Account == account })
}

// clock is a method so that tests can set v.now.
func (v *Verifier) clock() time.Time { return v.now() }

// Verify checks a token and applies the rules. The errors are [ErrToken],
// [ErrExpired], [ErrUnavailable] and those of ctx. A token that no rule speaks of
// has an identity without roles.
func (v *Verifier) Verify(ctx context.Context, token string) (*Identity, error) {
	if len(token) > MaxToken {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrToken, MaxToken)
	}
	keys := attempt{keys: v.keys}
	checked, err := library.NewVerifier(v.issuer, &keys, &library.Config{
		ClientID:             v.audience,
		SupportedSigningAlgs: algorithms,
		// The library allows not-before five minutes, and the end nothing.
		Now: func() time.Time { return v.now().Add(-clockSkew) },
	}).Verify(ctx, token)
	var expired *library.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return nil, fmt.Errorf("%w: it ended at %s", ErrExpired, expired.Expiry.UTC().Format(time.RFC3339))
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(keys.err, ErrUnavailable):
		return nil, keys.err
	case err != nil:
		return nil, fmt.Errorf("%w: %v", ErrToken, err)
	}
	if checked.Subject == "" { // it would be nobody in the audit log
		return nil, fmt.Errorf("%w: it names no subject", ErrToken)
	}
	var claims claims
	if err := checked.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrToken, err)
	}
	return &Identity{Subject: checked.Subject, Name: claims.name(), Roles: claims.roles(v.rules)}, nil
}

// An attempt keeps the cause of a failure, of which the library passes only the
// text on.
type attempt struct {
	keys *keySet
	err  error
}

// VerifySignature implements the library's KeySet.
func (a *attempt) VerifySignature(ctx context.Context, token string) (payload []byte, err error) {
	payload, a.err = a.keys.verify(ctx, token)
	return payload, a.err
}
