package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"poolcert/decrypt"
	"poolcert/decrypt/local"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
)

// defaultSocket is where a node's agent answers.
const defaultSocket = "/run/poolcert/agent.sock"

// keyFlags say whose private key opens messages: the node's agent's, or a
// PFX file's.
type keyFlags struct {
	socket, pfxFile, passwordFile string
}

func (f *keyFlags) register(cmd *cobra.Command) {
	socket := os.Getenv("POOLCERT_SOCKET")
	if socket == "" {
		socket = defaultSocket
	}
	flags := cmd.Flags()
	flags.StringVar(&f.socket, "socket", socket, "`path` of the node agent's socket [$POOLCERT_SOCKET]")
	flags.StringVar(&f.pfxFile, "pfx", "", "open with the key in this PFX `file`, without an agent")
	flags.StringVar(&f.passwordFile, "password-file", "", "`file` whose first line is the PFX's password")
	cmd.MarkFlagsMutuallyExclusive("socket", "pfx")
}

// unwrapper returns what opens content keys.
func (f *keyFlags) unwrapper(cmd *cobra.Command) (decrypt.Unwrapper, error) {
	if f.pfxFile == "" {
		if f.passwordFile != "" {
			return nil, cli.Usagef("--password-file goes with --pfx")
		}
		return local.Dial(f.socket), nil
	}
	data, err := readFileLimited(f.pfxFile, maxPFX)
	if err != nil {
		return nil, err
	}
	bundle, _, err := openPFX(cmd, data, f.passwordFile, pfx.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.pfxFile, err)
	}
	return decrypt.Keys(bundleKeys{bundle}), nil
}

// bundleKeys is the key source of one PFX.
type bundleKeys struct{ *pfx.Bundle }

func (b bundleKeys) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	if match(b.Leaf) {
		return b.Leaf, b.Key, nil
	}
	return nil, nil, decrypt.ErrNoRecipient
}

// explainDecrypt gives an error of opening a message its hint and exit code.
func explainDecrypt(err error) error {
	var format *decrypt.FormatError
	switch {
	case errors.Is(err, decrypt.ErrNoRecipient):
		return cli.Exit(cli.Hint(err, `was it sealed to a certificate of this node's pool, with a visibility that includes this task ("task")?`), cli.ExitNoCertificate)
	case errors.Is(err, local.ErrNotAllowed):
		return cli.Exit(cli.Hint(err, "a task's user must be in the group that the agent gives its certificates to (poolcert-task by default)"), cli.ExitNotAllowed)
	case errors.Is(err, local.ErrUnavailable):
		return cli.Hint(err, "is poolcert-agent running on this node? --socket or $POOLCERT_SOCKET says where it answers; --pfx FILE opens without an agent")
	case errors.Is(err, decrypt.ErrDecrypt):
		return cli.Hint(err, "the message was altered or cut, or sealed with another key of the same name; get it again")
	case errors.Is(err, decrypt.ErrUnknownForm), errors.As(err, &format):
		return cli.Hint(err, "a sealed secret is a CMS message, as DER, PEM or base64: 'poolcert encrypt' or 'openssl cms -encrypt' makes one")
	}
	return err
}
