package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"poolcert/batch"
	"poolcert/internal/cli"
)

// signIn has a person sign in at the service's issuer, by the device flow (RFC
// 8628): the browser may be on another machine.
func signIn(ctx context.Context, service *batch.Client, stderr io.Writer) (*storedSignIn, error) {
	how, err := service.SignIn(ctx)
	if errors.Is(err, &batch.Error{Code: batch.CodeResourceNotFound}) {
		return nil, cli.Hint(err, "its operator has to write the table [oidc] into server.toml; until then, log in with the account's key")
	}
	if err != nil {
		return nil, explain(err)
	}
	if u, err := url.Parse(how.Issuer); err != nil || u.Scheme != "https" && !isLoopback(u.Hostname()) {
		return nil, fmt.Errorf("the service names the issuer %q, which is not an https URL", how.Issuer)
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, service.HTTP)
	provider, err := oidc.NewProvider(ctx, how.Issuer)
	if err != nil {
		return nil, issuerError("sign in", how.Issuer, err)
	}
	config := oauth2.Config{ClientID: how.ClientID, Endpoint: provider.Endpoint(), Scopes: how.Scopes}
	config.Endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client has no secret
	if config.Endpoint.DeviceAuthURL == "" {
		return nil, cli.Hint(fmt.Errorf("the issuer %s offers no sign-in by device code", how.Issuer),
			"enable it there, or get tokens in another way: 'poolcert login --token-command'")
	}
	device, err := config.DeviceAuth(ctx)
	if err != nil {
		return nil, issuerError("sign in", how.Issuer, err)
	}
	if u, err := url.Parse(device.VerificationURI); err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("the issuer %s names no page to sign in on", how.Issuer)
	}
	fmt.Fprintf(stderr, "To sign in, open %s\nand enter the code %s\n", cli.Text(device.VerificationURI), cli.Text(device.UserCode))
	if device.VerificationURIComplete != "" {
		fmt.Fprintf(stderr, "or open %s\n", cli.Text(device.VerificationURIComplete))
	}
	answer, err := config.DeviceAccessToken(ctx, device)
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.ErrorCode == "access_denied":
		return nil, cli.Exit(errors.New("the sign-in was refused on the page"), cli.ExitNotAllowed)
	case errors.As(err, &refused) && refused.ErrorCode == "expired_token", errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
		return nil, cli.Hint(errors.New("nobody entered the code in time"), "start again")
	case err != nil:
		return nil, issuerError("sign in", how.Issuer, err)
	}
	s := &storedSignIn{Issuer: how.Issuer, ClientID: how.ClientID, TokenURL: config.Endpoint.TokenURL}
	return s, s.take(answer)
}

// issuerError says what failed at which issuer.
func issuerError(what, issuer string, err error) error {
	what += " at " + issuer
	var refused *oauth2.RetrieveError
	var transport *url.Error
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("%s: %s", what, oauthText(refused))
	case errors.As(err, &transport): // which would be taken for one of the service
		return cli.Hint(fmt.Errorf("%s: %w", what, transport.Err), "can this machine reach the issuer?")
	}
	return fmt.Errorf("%s: %w", what, err)
}

// splitCommand takes a command line apart at spaces, without a shell. Quotes of
// both kinds keep an argument together; a backslash is a backslash.
func splitCommand(line string) ([]string, error) {
	var argv []string
	var word strings.Builder
	var quote rune
	in := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, in = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if in {
				argv = append(argv, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if in {
		argv = append(argv, word.String())
	}
	if len(argv) == 0 || argv[0] == "" {
		return nil, errors.New("it is empty")
	}
	return argv, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
