package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"poolcert/batch"
	"poolcert/internal/cli"
	"poolcert/internal/lockfile"
)

const (
	// tokenReserve is how long a token must still be good to be used: a list of many
	// pages takes a while.
	tokenReserve = time.Minute

	// tokenCommandTime is how long the command of --token-command may take.
	tokenCommandTime = time.Minute

	maxToken = 64 << 10
)

// A storedSignIn is what poolcert login --oidc keeps.
type storedSignIn struct {
	Issuer   string `toml:"issuer"`
	ClientID string `toml:"client_id"`
	TokenURL string `toml:"token_url"`
	Token    string `toml:"token"`
	// RefreshToken gets the next token. It may be good once only.
	RefreshToken string `toml:"refresh_token,omitempty"`
}

// fresh reports whether the token is good for a while.
func (s *storedSignIn) fresh(now time.Time) bool {
	return tokenExpiry(s.Token).After(now.Add(tokenReserve))
}

// tokenExpiry reads when a token ends, or the zero time. It checks nothing: that is
// for the service.
func tokenExpiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expiry float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expiry), 0)
}

// tokens returns where the profile's tokens come from.
func (p *profile) tokens(client *http.Client) func(context.Context) (string, error) {
	switch {
	case p.token != "":
		return func(context.Context) (string, error) { return p.token, nil }
	case len(p.TokenCommand) > 0:
		return once(func(ctx context.Context) (string, error) { return runTokenCommand(ctx, p.TokenCommand) })
	}
	return once(func(ctx context.Context) (string, error) { return p.renewed(ctx, client) })
}

// once keeps a token for as long as it is good. It serves one goroutine at a time,
// as a command is one.
func once(next func(context.Context) (string, error)) func(context.Context) (string, error) {
	var have string
	return func(ctx context.Context) (string, error) {
		if have != "" && tokenExpiry(have).After(time.Now().Add(tokenReserve)) {
			return have, nil
		}
		token, err := next(ctx)
		have = token
		return token, err
	}
}

// runTokenCommand returns the token that a program prints: the bare text, or JSON as
// of 'az account get-access-token'.
func runTokenCommand(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenCommandTime)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdout = &out
	cmd.Stderr = os.Stderr // it may ask the person for something
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", cli.Hint(fmt.Errorf("token command %s: %w", argv[0], err), "run it by itself; 'poolcert login --token-command' stores another one")
	}
	text := strings.TrimSpace(out.String())
	var object struct {
		Azure  string `json:"accessToken"`
		OAuth  string `json:"access_token"`
		OpenID string `json:"id_token"`
	}
	if strings.HasPrefix(text, "{") && json.Unmarshal([]byte(text), &object) == nil {
		text = object.OpenID + object.Azure
		if text == "" {
			text = object.OAuth
		}
	}
	if text == "" || len(text) > maxToken || strings.ContainsAny(text, " \t\r\n\"{}") {
		return "", cli.Hint(fmt.Errorf("token command %s: it printed no token", argv[0]), "it has to print the token and nothing else, or JSON with accessToken")
	}
	return text, nil
}

// renewed returns the token of a sign-in, after it got the next one if that is due.
// Other processes may want the same: one renews, the others read its result.
func (p *profile) renewed(ctx context.Context, client *http.Client) (string, error) {
	if p.OIDC.fresh(time.Now()) {
		return p.OIDC.Token, nil
	}
	if p.fresh {
		err := p.OIDC.renew(ctx, client)
		return p.OIDC.Token, err
	}
	lock, err := waitForLock(ctx, p.path+".lock")
	if err != nil {
		return "", fmt.Errorf("renew the sign-in: %w", err)
	}
	defer lock.Close()
	stored, err := readProfile(p.path)
	if err != nil {
		return "", err
	}
	if stored.OIDC == nil {
		return "", errSignedOut("it was replaced in the meantime")
	}
	if stored.OIDC.fresh(time.Now()) {
		return stored.OIDC.Token, nil
	}
	if err := stored.OIDC.renew(ctx, client); err != nil {
		return "", err
	}
	if err := stored.save(p.path); err != nil {
		return "", fmt.Errorf("keep the renewed sign-in: %w", err)
	}
	return stored.OIDC.Token, nil
}

// renew gets the next token of the issuer.
func (s *storedSignIn) renew(ctx context.Context, client *http.Client) error {
	if s.RefreshToken == "" {
		return errSignedOut("it cannot be renewed")
	}
	config := oauth2.Config{ClientID: s.ClientID, Endpoint: oauth2.Endpoint{TokenURL: s.TokenURL, AuthStyle: oauth2.AuthStyleInParams}}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
	next, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: s.RefreshToken}).Token()
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return errSignedOut("the issuer does not renew it any more")
	case err != nil:
		return issuerError("renew the sign-in", s.Issuer, err)
	}
	return s.take(next)
}

// take keeps what the issuer answered. The service wants the ID token: that one is
// for this client, where an access token may be for another service.
func (s *storedSignIn) take(answer *oauth2.Token) error {
	id, _ := answer.Extra("id_token").(string)
	if id == "" {
		return cli.Hint(errors.New("the issuer gave no ID token"), "is \"openid\" among the scopes in the server's [oidc]?")
	}
	s.Token = id
	if answer.RefreshToken != "" {
		s.RefreshToken = answer.RefreshToken
	}
	return nil
}

// oauthText is an issuer's refusal (RFC 6749, section 5.2) without the rest of its
// answer.
func oauthText(refused *oauth2.RetrieveError) string {
	text := refused.ErrorCode
	if text == "" {
		text = refused.Response.Status
	}
	if refused.ErrorDescription != "" {
		text += ": " + refused.ErrorDescription
	}
	return text
}

func errSignedOut(why string) error {
	return cli.Exit(cli.Hint(fmt.Errorf("the sign-in has expired: %s", why), "sign in again with 'poolcert login --oidc'"), cli.ExitNotAllowed)
}

// waitForLock takes the lock when whoever has it is done.
func waitForLock(ctx context.Context, path string) (*lockfile.Lock, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		lock, err := lockfile.Acquire(path)
		if !errors.Is(err, lockfile.ErrLocked) {
			return lock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// signer is what the profile proves itself with.
func (p *profile) signer(client *http.Client) (batch.Signer, error) {
	if !p.hasKey() {
		return batch.BearerToken{Account: p.Account, Token: p.tokens(client)}, nil
	}
	key, err := batch.ParseKey(p.Key)
	if err != nil {
		return nil, cli.Hint(cli.Usage(err), "'poolcert-server account create' printed it; it is base64 text such as kM3...==")
	}
	return batch.Credentials{Account: p.Account, Key: key}, nil
}

// hasKey reports whether the profile uses the account's key, and not tokens.
func (p *profile) hasKey() bool {
	return p.token == "" && len(p.TokenCommand) == 0 && p.OIDC == nil
}
