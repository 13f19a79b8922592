package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

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
	acct.mayBeMissing = true // about to be written
	p, err := acct.profile()
	if err != nil {
		return nil, err
	}
	if p.Endpoint == "" || p.Account == "" {
		return nil, cli.Hint(cli.Usagef("log in where? --endpoint and --account are needed"), "'poolcert-server account create' printed both, such as --endpoint https://batch.example:8443 --account myaccount")
	}
	given := acct.keyFile != "" || os.Getenv("POOLCERT_KEY") != ""
	switch {
	case fromStdin:
		key, err := io.ReadAll(io.LimitReader(cli.Input(cmd.Context(), cmd.InOrStdin()), 4096))
		if err != nil {
			return nil, fmt.Errorf("account key: %w", err)
		}
		p.Key = string(key)
	case !given && cli.IsTerminal(cmd.InOrStdin()):
		key, err := cli.ReadSecret(cmd.Context(), cmd.InOrStdin().(*os.File), cmd.ErrOrStderr(), "Key of account "+p.Account+": ")
		if err != nil {
			return nil, err
		}
		p.Key = key
	case !given && p.Key == "":
		return nil, cli.Hint(cli.Usagef("no key is given, and there is no terminal to ask for it on"), "give it with --key-file FILE, where \"-\" is standard input, or in POOLCERT_KEY")
	}
	if p.Key = strings.TrimSpace(p.Key); p.Key == "" {
		return nil, cli.Hint(cli.Usagef("no key is given"), "it is one of the two keys that 'poolcert-server account create' printed")
	}
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
