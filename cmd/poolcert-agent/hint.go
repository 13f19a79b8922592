package main

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/url"

	"poolcert/agent"
	"poolcert/agent/keptsocket"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/decrypt/local"
	"poolcert/internal/cli"
	"poolcert/internal/dpapi"
	"poolcert/internal/localsock"
	"poolcert/internal/nodeapi"
	"poolcert/store"
)

const newToken = "make a new token with 'poolcert pool token create POOL'"

// withHint adds what a person can do about err, and the exit code.
func withHint(err error) error {
	var (
		refused *nodeapi.Error
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		call    *url.Error // not net.Error, which an error of a file is too
		op      *net.OpError
		stayed  *agent.StayedError
		state   *statedir.Error
	)
	switch {
	case errors.Is(err, nodeapi.ErrToken):
		return cli.Hint(cli.Usage(err), "a token is one word that begins with pct1.; copy all of it, or %s", newToken)
	case errors.Is(err, member.ErrCA):
		return cli.Hint(err, "another server answers at this address, or the service was set up anew: %s", newToken)
	case errors.Is(err, agent.ErrJoined):
		return cli.Hint(err, "to give that membership up, run 'poolcert-agent join --force TOKEN'")
	case errors.Is(err, member.ErrNotJoined):
		return cli.Hint(err, "%s, then run 'poolcert-agent join TOKEN' here", newToken)
	case errors.Is(err, dpapi.ErrSealed):
		return cli.Hint(err, "it was made on another computer, or before Windows was installed anew: %s, then run 'poolcert-agent join --force TOKEN' here and 'poolcert node evict POOL NODE' for the old one", newToken)
	case errors.Is(err, member.ErrIdentity):
		return cli.Hint(err, "bring the file back from a backup, or make another node of this one: %s, then run 'poolcert-agent join --force TOKEN' here and 'poolcert node evict POOL NODE' for the old one", newToken)
	case errors.As(err, &stayed):
		return cli.Hint(err, "run 'poolcert node evict %s %s' where the account's key is", cli.Text(stayed.Pool), cli.Text(stayed.Node))
	case errors.As(err, &state):
		return cli.Hint(err, "%s", stateDirHint(state))
	case errors.Is(err, statedir.ErrRunning):
		return cli.Hint(err, stopFirst)
	case errors.Is(err, keptsocket.ErrGiven):
		return cli.Hint(err, "name the same path as ListenStream= in poolcert-agent.socket ('systemctl edit poolcert-agent.socket'), or have it not used with 'systemctl mask --now poolcert-agent.socket'")
	case errors.Is(err, localsock.ErrInUse), errors.Is(err, store.ErrInUse):
		return cli.Hint(err, "is another agent running? Each needs a socket, a state directory and a certificates directory of its own")
	case errors.Is(err, local.ErrUnavailable):
		return cli.Hint(err, startAgent)
	case errors.Is(err, local.ErrNotAllowed), errors.Is(err, fs.ErrPermission):
		return cli.Exit(cli.Hint(err, asRoot), cli.ExitNotAllowed)
	case errors.As(err, &refused) && refused.Code == nodeapi.CodeTokenRefused:
		return cli.Exit(cli.Hint(err, "%s", newToken), cli.ExitNotAllowed)
	case errors.As(err, &host):
		return cli.Hint(err, "the server's certificate must name the host of its address: set the server up with that name, then %s", newToken)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return cli.Hint(err, "compare the clocks of this node and of the server")
	case errors.As(err, &op), errors.As(err, &call):
		return cli.Hint(err, "is poolcert-server running, and may this node reach that address?")
	}
	return err
}
