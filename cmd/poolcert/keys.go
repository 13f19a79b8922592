package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"poolcert/decrypt"
	"poolcert/decrypt/binding"
	"poolcert/decrypt/local"
	"poolcert/internal/cli"
	"poolcert/internal/localsock"
	"poolcert/internal/pfx"
)

// keyFlags say whose private key opens messages: the node's agent's, a PFX
// file's, a PEM file's, or one of a folder of certificates.
type keyFlags struct {
	socket, pfxFile, passwordFile, keyFile, certFile, folder string
}

// registerSocket adds the flag for commands that only ask the agent.
func (f *keyFlags) registerSocket(cmd *cobra.Command) {
	socket := os.Getenv("POOLCERT_SOCKET")
	if socket == "" {
		socket = defaultSocket
	}
	cmd.Flags().StringVar(&f.socket, "socket", socket, "`path` of the node agent's socket [$POOLCERT_SOCKET]")
}

func (f *keyFlags) register(cmd *cobra.Command) {
	f.registerSocket(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.pfxFile, "pfx", "", "open with the key in this PFX `file`, without an agent")
	flags.StringVar(&f.passwordFile, "password-file", "", "`file` whose first line is the PFX's password")
	flags.StringVar(&f.keyFile, "key", "", "open with the private key in this PEM `file`, without an agent")
	flags.StringVar(&f.certFile, "cert", "", "certificate `file` of --key, if it is not in the same file")
	flags.StringVar(&f.folder, "certificates-dir", "", "open with the keys in this `folder` of a task [$AZ_BATCH_CERTIFICATES_DIR, where no agent opens for this user]")
	cli.Exclusive(cmd, "socket", "pfx", "key", "certificates-dir")
}

// dial returns a client of the node's service. A person who waits for it is told why.
func (f *keyFlags) dial(cmd *cobra.Command) *local.Client {
	agent := local.Dial(f.socket)
	if w := cmd.ErrOrStderr(); cli.IsTerminal(w) {
		agent.Waiting = sync.OnceFunc(func() { fmt.Fprintf(w, "Waiting for poolcert-agent at %s\n", cli.Text(f.socket)) })
	}
	return agent
}

// unwrapper returns what opens content keys.
func (f *keyFlags) unwrapper(cmd *cobra.Command) (decrypt.Unwrapper, error) {
	switch {
	case f.passwordFile != "" && f.pfxFile == "":
		return nil, cli.Usagef("--password-file goes with --pfx")
	case f.certFile != "" && f.keyFile == "":
		return nil, cli.Usagef("--cert goes with --key")
	case f.keyFile != "":
		return openKeyFile(f.keyFile, f.certFile)
	case f.folder != "":
		return decrypt.Keys(&certFolder{dir: f.folder}), nil
	case f.pfxFile == "":
		agent := f.dial(cmd)
		if own := os.Getenv(certificatesVariable); own != "" && !cmd.Flags().Changed("socket") {
			return agentOrFolder{agent, decrypt.Keys(&certFolder{dir: own})}, nil
		}
		return agent, nil
	}
	data, err := readFileLimited(f.pfxFile, maxPFX)
	if err != nil {
		return nil, err
	}
	bundle, _, err := openPFX(cmd, data, f.passwordFile, pfx.Options{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.pfxFile, err)
	}
	return decrypt.Keys(keyPair{bundle.Leaf, bundle.Key}), nil
}

// explain gives an error of opening a message its hint and exit code.
func (f *keyFlags) explain(err error) error {
	if errors.Is(err, errEmptyFolder) {
		return cli.Exit(cli.Hint(err, "it is that of a task, such as $AZ_BATCH_CERTIFICATES_DIR; 'poolcert task-env' makes one"), cli.ExitNoCertificate)
	}
	if f.pfxFile == "" && f.keyFile == "" && f.folder == "" || !errors.Is(err, decrypt.ErrNoRecipient) {
		return explainDecrypt(err)
	}
	return cli.Exit(cli.Hint(err, "this key is not that of a recipient; 'poolcert inspect' shows all of them"), cli.ExitNoCertificate)
}

// explainDecrypt is explain for messages that a node's agent opens, or nobody.
func explainDecrypt(err error) error {
	var format *decrypt.FormatError
	var unsupported *decrypt.UnsupportedError
	switch {
	case errors.Is(err, decrypt.ErrNoRecipient):
		return cli.Exit(cli.Hint(err, `was it sealed to a certificate of this node's pool, with a visibility that includes this task ("task"), and with its private key? 'poolcert explain MESSAGE' finds out`), cli.ExitNoCertificate)
	case errors.Is(err, local.ErrNotAllowed):
		return cli.Exit(cli.Hint(err, "a task's user must be in the group that the agent gives its certificates to (poolcert-task by default)"), cli.ExitNotAllowed)
	case errors.Is(err, binding.ErrBound):
		return cli.Exit(cli.Hint(err, "who sealed it allows no other; 'poolcert inspect' shows the binding"), cli.ExitNotAllowed)
	case errors.Is(err, local.ErrTooManyFailures):
		return cli.Hint(err, "the agent answers this user again within a minute; find out why so many of its messages do not open")
	case errors.Is(err, local.ErrBusy):
		return cli.Hint(err, "try again in a moment")
	case errors.Is(err, localsock.ErrUntrusted):
		return cli.Hint(err, "who answers there is not the node's agent, which runs as "+superuser+": does --socket or $POOLCERT_SOCKET name the right place?")
	case errors.Is(err, local.ErrUnavailable):
		return cli.Hint(err, "is poolcert-agent running on this node, and well ('poolcert-agent doctor')? --socket or $POOLCERT_SOCKET says where it answers; --pfx FILE opens without an agent")
	case errors.Is(err, decrypt.ErrDecrypt):
		return cli.Hint(err, "the message was altered or cut, or sealed to another key (a JWE or an RSA block need not say to which); get it again")
	case errors.As(err, &format) && errors.Is(err, io.ErrUnexpectedEOF):
		return cli.Hint(err, "the message was cut: get it again, whole")
	case errors.Is(err, decrypt.ErrUnknownForm), errors.As(err, &format):
		return cli.Hint(err, "a sealed secret is a CMS message (DER, PEM, base64, S/MIME), a JWE or an RSA block, and no certificate, key or PFX: 'poolcert encrypt' or 'openssl cms -encrypt' makes one")
	case errors.As(err, &unsupported) && unsupported.Name == "PKCS #7 SIGNED DATA":
		return cli.Hint(err, "that is signed, not encrypted: 'openssl smime -verify' reads it")
	case errors.As(err, &unsupported) && strings.HasPrefix(unsupported.What, "PEM block"):
		return cli.Hint(err, "that is a certificate or a key, not a sealed message: --pfx and --key are for keys, --to of 'poolcert encrypt' is for certificates")
	case errors.As(err, &unsupported) && unsupported.Name == "RSA1_5":
		return cli.Hint(err, "'poolcert decrypt' and 'poolcert reencrypt' open it with --allow-rsa1_5")
	}
	return err
}
