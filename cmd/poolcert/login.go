package main

import (
	"bytes"
	"context"
	"errors"
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

type loginOptions struct {
	oidc         bool
	tokenCommand string
}

func newLoginCommand(acct *accountFlags) *cobra.Command {
	var o loginOptions
	cmd := &cobra.Command{
		Use:   "login [URL]",
		Short: "Store how to reach an account",
		Long: `Check that the account can be reached, and store the service's URL, its CA, the
account, and one of these in ` + configPlace + `, readable by you alone:

  the account's key, asked for, or read from --key-file ("-" is standard input) or
  $POOLCERT_KEY. It never belongs into the command line, which others can see.

  with --oidc: a sign-in at the issuer that the service trusts (Entra ID, Keycloak,
  Dex, ...). You are shown a page and a code, and may open it on another machine.
  The sign-in is renewed by itself for as long as the issuer allows.

  with --token-command: a program that prints a token, which is run when one is
  needed. The text is taken apart at spaces, where quotes keep an argument together;
  no shell reads it.

With a token, --account is needed only if it is good for several accounts. A token in
$POOLCERT_TOKEN is used without a login.`,
		Example: `  poolcert login https://batch.example:8443 --account myaccount --ca ca.pem
  poolcert login https://batch.example:8443 --account myaccount --key-file - < key
  poolcert login https://batch.example:8443 --oidc
  poolcert login https://batch.example:8443 --token-command \
      "az account get-access-token --resource api://poolcert"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if acct.endpoint != "" {
					return cli.Usagef("the URL is given twice: as an argument and with --endpoint")
				}
				acct.endpoint = args[0]
			}
			p, err := loginProfile(cmd, *acct, o)
			if err != nil {
				return err
			}
			client, err := p.client()
			if err != nil {
				return err
			}
			path, err := acct.configPath()
			if err != nil {
				return err
			}
			err = tryAccount(cmd.Context(), client)
			forbidden := o.oidc && errors.Is(err, &batch.Error{Code: batch.CodeInsufficientPermissions})
			if err != nil && !forbidden {
				return explain(err)
			}
			if err := p.save(path); err != nil {
				return err
			}
			if forbidden { // nobody signs in twice for that
				return explain(cli.Hint(err, "the sign-in is stored: ask the operator for a role, or name the account with --account or $POOLCERT_ACCOUNT"))
			}
			what := "Signed in to "
			if p.Account != "" {
				what = "Logged in to account " + p.Account + " at "
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "%s%s; stored in %s\n", what, p.Endpoint, path)
			return nil
		},
	}
	cmd.Flags().BoolVar(&o.oidc, "oidc", false, "sign in at the issuer that the service trusts")
	cmd.Flags().StringVar(&o.tokenCommand, "token-command", "", "`command` that prints a token")
	cli.Exclusive(cmd, "oidc", "token-command", "key-file")
	return cmd
}

// tryAccount finds out whether the account can be used.
func tryAccount(ctx context.Context, client *batch.Client) error {
	for _, err := range client.Certificates(ctx, batch.ListOptions{MaxResults: 1, Select: "thumbprint"}) {
		return err
	}
	return nil
}

// loginProfile reads what to store. What the configuration file holds already
// serves where nothing new is given.
func loginProfile(cmd *cobra.Command, acct accountFlags, o loginOptions) (*profile, error) {
	fromStdin := acct.keyFile == "-"
	if fromStdin {
		acct.keyFile = ""
	}
	acct.mayBeMissing = true // about to be written
	p, err := acct.profile()
	if err != nil {
		return nil, err
	}
	byToken := o.oidc || cmd.Flags().Changed("token-command")
	missing := ""
	switch {
	case p.Endpoint == "" && p.Account == "" && !byToken:
		missing = "a URL and --account are"
	case p.Endpoint == "":
		missing = "a URL is"
	case p.Account == "" && !byToken:
		missing = "--account is"
	}
	if missing != "" {
		return nil, cli.Hint(cli.Usagef("log in where? %s needed", missing), "'poolcert-server account create' printed both, such as https://batch.example:8443 --account myaccount")
	}
	if byToken {
		return p, p.useTokens(cmd, o)
	}
	return p, p.useKey(cmd, fromStdin, acct.keyFile != "" || os.Getenv("POOLCERT_KEY") != "")
}

// useTokens replaces what the profile proves itself with by tokens.
func (p *profile) useTokens(cmd *cobra.Command, o loginOptions) (err error) {
	p.Key, p.token, p.TokenCommand, p.OIDC = "", "", nil, nil
	if !o.oidc {
		if p.TokenCommand, err = splitCommand(o.tokenCommand); err != nil {
			return cli.Usagef("--token-command: %w", err)
		}
		return nil
	}
	httpClient, err := p.httpClient()
	if err != nil {
		return err
	}
	p.fresh = true
	p.OIDC, err = signIn(cmd.Context(), &batch.Client{Endpoint: p.Endpoint, HTTP: httpClient}, cmd.ErrOrStderr())
	return err
}

// useKey replaces it by the account's key, which was given already, or is read.
func (p *profile) useKey(cmd *cobra.Command, fromStdin, given bool) error {
	p.token, p.TokenCommand, p.OIDC = "", nil, nil
	switch {
	case fromStdin:
		key, err := io.ReadAll(io.LimitReader(cli.Input(cmd.Context(), cmd.InOrStdin()), 4096))
		if err != nil {
			return fmt.Errorf("account key: %w", err)
		}
		p.Key = string(key)
	case !given && cli.IsTerminal(cmd.InOrStdin()):
		key, err := cli.ReadSecret(cmd.Context(), cmd.InOrStdin().(*os.File), cmd.ErrOrStderr(), "Key of account "+p.Account+": ")
		if err != nil {
			return err
		}
		p.Key = key
	case !given && p.Key == "":
		return cli.Hint(cli.Usagef("no key is given, and there is no terminal to ask for it on"), "give it with --key-file FILE, where \"-\" is standard input, or in POOLCERT_KEY; or sign in with --oidc")
	}
	if p.Key = strings.TrimSpace(p.Key); p.Key == "" {
		return cli.Hint(cli.Usagef("no key is given"), "it is one of the two keys that 'poolcert-server account create' printed")
	}
	return nil
}

func (p *profile) save(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var b bytes.Buffer
	b.WriteString("# Written by poolcert login. Holds a key or a sign-in: keep it readable by you alone.\n")
	if err := toml.NewEncoder(&b).Encode(p); err != nil {
		return err
	}
	return securefile.WriteFile(path, b.Bytes(), 0o600)
}
