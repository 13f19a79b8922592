package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
	"poolcert/internal/tomlfile"
)

// A profile is how to reach an account: the content of config.toml, which
// poolcert login writes.
type profile struct {
	// Endpoint is the account service's URL.
	Endpoint string `toml:"endpoint"`
	// Account is the account's name.
	Account string `toml:"account"`
	// Key is the primary or the secondary key, in base64. In its place there may be
	// one of the next two.
	Key string `toml:"key,omitempty"`
	// TokenCommand prints a token.
	TokenCommand []string `toml:"token_command,omitempty"`
	// OIDC is a sign-in at the service's issuer.
	OIDC *storedSignIn `toml:"oidc,omitempty"`
	// CA holds PEM certificates that the service's certificate may be signed
	// with, beside the system's.
	CA string `toml:"ca,omitempty"`

	token string // of $POOLCERT_TOKEN
	path  string // of the file, if there may be one
	fresh bool   // OIDC is of this login, and in no file yet
}

// accountFlags are the options of every command that calls the account.
type accountFlags struct {
	config, endpoint, account, keyFile, caFile string

	mayBeMissing bool // the configuration file, though it was named
}

func (f *accountFlags) register(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.config, "config", "", "configuration `file` (default "+configPlace+") [$POOLCERT_CONFIG]")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the account service [$POOLCERT_ENDPOINT]")
	flags.StringVar(&f.account, "account", "", "`name` of the account [$POOLCERT_ACCOUNT]")
	flags.StringVar(&f.keyFile, "key-file", "", "`file` with the account's key [$POOLCERT_KEY holds the key itself, $POOLCERT_TOKEN a token]")
	flags.StringVar(&f.caFile, "ca", "", "`file` with the service's CA certificate in PEM [$POOLCERT_CA]")
}

func (f *accountFlags) configPath() (string, error) {
	if path := f.named(); path != "" {
		return path, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "poolcert", "config.toml"), nil
}

// profile joins flags, environment and the configuration file, in this order
// of precedence.
func (f *accountFlags) profile() (*profile, error) {
	p, err := f.loadConfig()
	if err != nil {
		return nil, err
	}
	set := func(field *string, value string) {
		if value != "" {
			*field = value
		}
	}
	set(&p.Endpoint, os.Getenv("POOLCERT_ENDPOINT"))
	set(&p.Endpoint, f.endpoint)
	set(&p.Account, os.Getenv("POOLCERT_ACCOUNT"))
	set(&p.Account, f.account)
	if err := f.setCredentials(p); err != nil {
		return nil, err
	}
	caFile := os.Getenv("POOLCERT_CA")
	set(&caFile, f.caFile)
	if caFile != "" {
		ca, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("CA certificate: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(ca) {
			return nil, cli.Hint(cli.Usagef("CA certificate: no certificate in PEM form in %s", caFile), "give the file ca.pem of poolcert-server")
		}
		p.CA = string(ca)
	}
	return p, nil
}

// setCredentials replaces what the file has by what was given now.
func (f *accountFlags) setCredentials(p *profile) error {
	key, token := os.Getenv("POOLCERT_KEY"), strings.TrimSpace(os.Getenv("POOLCERT_TOKEN"))
	switch {
	case f.keyFile != "":
		data, err := os.ReadFile(f.keyFile)
		if err != nil {
			return fmt.Errorf("account key: %w", err)
		}
		key, token = string(data), ""
	case key != "" && token != "":
		return cli.Hint(cli.Usagef("both POOLCERT_KEY and POOLCERT_TOKEN are set"), "unset one of them")
	}
	if key != "" || token != "" {
		p.Key, p.token, p.TokenCommand, p.OIDC = key, token, nil, nil
	}
	return nil
}

// named returns the configuration file that somebody named, or "".
func (f *accountFlags) named() string {
	if f.config != "" {
		return f.config
	}
	return os.Getenv("POOLCERT_CONFIG")
}

func (f *accountFlags) loadConfig() (*profile, error) {
	path, err := f.configPath()
	if err != nil {
		return new(profile), nil // no home: flags and environment may do
	}
	p, err := readProfile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if f.named() != "" && !f.mayBeMissing {
			return nil, cli.Hint(fmt.Errorf("configuration %s does not exist", path), "'poolcert login' writes it")
		}
		return &profile{path: path}, nil
	}
	return p, err
}

// readProfile reads a configuration file.
func readProfile(path string) (*profile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, cli.Hint(fmt.Errorf("configuration %s holds a key and can be read by others", path), "chmod 600 %s", path)
	}
	p := &profile{path: path}
	_, err = tomlfile.Decode(string(data), p)
	var wrong *tomlfile.Error
	switch {
	case !errors.As(err, &wrong):
		return p, err
	case wrong.Unknown:
		return nil, cli.Hint(fmt.Errorf("configuration %s, %w", path, err), "the keys are endpoint, account, key, ca, token_command, and the table oidc")
	case wrong.Syntax: // its text quotes the line, which may be the key's
		return nil, cli.Hint(fmt.Errorf("configuration %s, line %d: not valid TOML", path, wrong.Line), "'poolcert login' writes it anew, once it is out of the way")
	}
	return nil, fmt.Errorf("configuration %s, %w", path, err)
}

func (f *accountFlags) client() (*batch.Client, error) {
	p, err := f.profile()
	if err != nil {
		return nil, err
	}
	return p.client()
}

func (p *profile) client() (*batch.Client, error) {
	const how = "run 'poolcert login', or give --endpoint, --account and --key-file, or set POOLCERT_ENDPOINT, POOLCERT_ACCOUNT and POOLCERT_KEY"
	for _, need := range []struct{ name, value string }{{"endpoint", p.Endpoint}, {"account", p.Account}, {"key", p.Key}} {
		if need.value == "" && (need.name == "endpoint" || p.hasKey()) {
			return nil, cli.Hint(cli.Usagef("which account? No %s is given", need.name), "%s", how)
		}
	}
	httpClient, err := p.httpClient()
	if err != nil {
		return nil, err
	}
	signer, err := p.signer(httpClient)
	if err != nil {
		return nil, err
	}
	return &batch.Client{Endpoint: p.Endpoint, Credentials: signer, HTTP: httpClient}, nil
}

// httpClient makes what connects to the service, and to its issuer.
func (p *profile) httpClient() (*http.Client, error) {
	u, err := url.Parse(p.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, cli.Hint(cli.Usagef("endpoint %q is not the URL of a server", p.Endpoint), "it looks like https://batch.example:8443")
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return nil, cli.Hint(cli.Usagef("endpoint %q is not encrypted: passwords and keys would be readable on their way", p.Endpoint), "use https; http is for a server on this machine only")
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if p.CA != "" && !roots.AppendCertsFromPEM([]byte(p.CA)) {
		return nil, cli.Hint(errors.New("CA certificate: no certificate in PEM form in the configuration's ca"), "log in again, with --ca and the file ca.pem of poolcert-server")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &http.Client{
		Transport:     transport,
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
