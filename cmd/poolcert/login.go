package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"poolcert/batch"
	"poolcert/internal/cli"
	"poolcert/internal/securefile"
)

func newLoginCommand(acct *accountFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "login --endpoint URL --account NAME",
		Short: "Store how to reach an account",
		Long: `Check that the account can be reached with its key, and store endpoint, name,
key and CA in ~/.config/poolcert/config.toml, readable by you alone.

The key is asked for, or read from --key-file ("-" is standard input) or
$POOLCERT_KEY. It never belongs into the command line, which others can see.`,
		Example: `  poolcert login --endpoint https://batch.example:8443 --account myaccount --ca ca.pem
  poolcert login --endpoint https://batch.example:8443 --account myaccount --key-file - < key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := loginProfile(cmd, *acct)
			if err != nil {
				return err
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			for _, err := range client.Certificates(cmd.Context(), batch.ListOptions{MaxResults: 1, Select: "thumbprint"}) {
				if err != nil {
					return explain(err)
				}
				break
			}
			path, err := acct.configPath()
			if err != nil {
				return err
			}
			if err := p.save(path); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Logged in to account %s at %s; stored in %s\n", p.Account, p.Endpoint, path)
			return nil
		},
	}
}

// loginProfile reads what to store. What the configuration file holds already
// serves where nothing new is given.
func loginProfile(cmd *cobra.Command, acct accountFlags) (*profile, error) {
	fromStdin := acct.keyFile == "-"
	if fromStdin {
		acct.keyFile = ""
	}
	path, err := acct.configPath()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		acct.config = "" // about to be written
	}
	p, err := acct.profile()
	if err != nil {
		return nil, err
	}
	given := acct.keyFile != "" || os.Getenv("POOLCERT_KEY") != ""
	switch {
	case fromStdin:
		key, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 4096))
		if err != nil {
			return nil, fmt.Errorf("account key: %w", err)
		}
		p.Key = string(key)
	case !given && cli.IsTerminal(cmd.InOrStdin()):
		key, err := promptSecret(cmd, "Key of account "+p.Account+": ")
		if err != nil {
			return nil, err
		}
		p.Key = key
	}
	p.Key = strings.TrimSpace(p.Key)
	return p, nil
}

func (p *profile) save(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("# Written by poolcert login. Holds a key: keep it readable by you alone.\n")
	if err := toml.NewEncoder(&b).Encode(p); err != nil {
		return err
	}
	return securefile.WriteFile(path, b.Bytes(), 0o600)
}

// promptSecret asks on the terminal, without echo.
func promptSecret(cmd *cobra.Command, prompt string) (string, error) {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !cli.IsTerminal(in) {
		return "", errors.New("no terminal to ask on")
	}
	fmt.Fprint(cmd.ErrOrStderr(), prompt)
	secret, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	return string(secret), err
}
