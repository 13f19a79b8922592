package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"

	"poolcert/batch"
	"poolcert/internal/cli"
)

// explain gives an error of the account its hint and exit code.
func explain(err error) error {
	var refusal *batch.Error
	if errors.As(err, &refusal) {
		if refusal.Status == http.StatusUnauthorized {
			return cli.Exit(cli.Hint(err, "sign in again with 'poolcert login --oidc', or get another token; the server's log says more under request_id %s", refusal.RequestID), cli.ExitNotAllowed)
		}
		switch refusal.Code {
		case batch.CodeInsufficientPermissions:
			return cli.Exit(cli.Hint(err, "--account names another account; who may do what is in the table [oidc] of the server"), cli.ExitNotAllowed)
		case batch.CodeCertificateNotFound:
			return cli.Exit(cli.Hint(err, "'poolcert cert list' shows the account's certificates"), cli.ExitNoCertificate)
		case batch.CodeAuthenticationFailed, batch.CodeInvalidAuthenticationInfo, batch.CodeMissingRequiredHeader:
			return cli.Exit(cli.Hint(err, "check the account's name and key, and this machine's clock; 'poolcert login' stores them"), cli.ExitNotAllowed)
		case batch.CodeCertificateExists:
			return cli.Hint(err, "a certificate cannot be changed; 'poolcert cert show' shows what is there")
		case batch.CodeCertificateStateActive:
			return cli.Hint(err, "only a deletion that failed can be cancelled")
		case batch.CodeCertificateBeingDeleted:
			return cli.Hint(err, "wait until it is gone or its state is deletefailed")
		case batch.CodeInvalidCertificateReferences:
			return cli.Hint(nameCulprits(err, refusal), "add the certificate first, with 'poolcert cert add'; one that is being deleted cannot be used")
		case batch.CodeNameNotFound:
			return cli.Exit(cli.Hint(err, "'poolcert cert list' shows the names of the account's certificates"), cli.ExitNoCertificate)
		case batch.CodePoolNotFound:
			return cli.Hint(err, "'poolcert pool list' shows the account's pools")
		case batch.CodePoolExists:
			return cli.Hint(err, "'poolcert pool set-certs' changes its certificates")
		case batch.CodeNodeNotFound:
			return cli.Hint(err, "'poolcert node list POOL' shows the pool's nodes")
		case batch.CodeTokenNotFound:
			return cli.Hint(err, "'poolcert pool token list POOL' shows the pool's tokens")
		case batch.CodeConditionNotMet:
			return cli.Hint(err, "somebody changed it in the meantime; look at it and try again")
		case batch.CodeServerBusy, batch.CodeOperationTimedOut:
			return cli.Hint(err, "try again in a moment; if it stays so, its operator has to look at the server's log")
		}
		if refusal.Code == "" {
			return cli.Hint(err, "is the endpoint that of poolcert-server for clients, with https:// and its port (8443 by default, where nodes have 8444)?")
		}
		if refusal.Status >= 500 && refusal.RequestID != "" {
			return cli.Hint(err, "the server's log says more under request_id %s", refusal.RequestID)
		}
		return nameCulprits(err, refusal)
	}
	var transport *url.Error
	if !errors.As(err, &transport) {
		return err
	}
	// The URL's query says nothing to a person.
	host := transport.URL
	if u, perr := url.Parse(transport.URL); perr == nil {
		host = u.Host
	}
	cause := fmt.Errorf("%s: %w", host, transport.Err)
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var dns *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return cli.Hint(cause, "give the service's CA certificate with --ca (the file ca.pem of poolcert-server), or log in again with it")
	case errors.As(err, &name):
		return cli.Hint(cause, "use a name that it is for; the service's operator adds names to hosts in server.toml")
	case errors.As(err, &dns), errors.Is(err, syscall.ECONNREFUSED):
		return cli.Hint(cause, "is the endpoint right, and poolcert-server running?")
	case transport.Timeout():
		return cli.Hint(cause, "the server did not answer; is a firewall in the way?")
	}
	return cause
}

// nameCulprits adds the values of a refusal that its message does not tell: which
// property, or which of several certificates.
func nameCulprits(err error, refusal *batch.Error) error {
	var culprits []string
	for _, v := range refusal.Values {
		switch v.Key {
		case "Reason", "AuthenticationErrorDetail":
		case "PropertyName":
			culprits = append(culprits, cli.Text(v.Value))
		case "PropertyValue":
			culprits = append(culprits, strconv.Quote(v.Value))
		default:
			culprits = append(culprits, cli.Text(v.Key+": "+strings.TrimSuffix(v.Value, ".")))
		}
	}
	if len(culprits) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s", err, strings.Join(culprits, ", "))
}
