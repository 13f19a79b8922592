package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
)

// A profile is how to reach an account: the content of config.toml, which
// poolcert login writes.
type profile struct {
	// Endpoint is the account service's URL.
	Endpoint string `toml:"endpoint"`
	// Account is the account's name.
	Account string `toml:"account"`
	// Key is the primary or the secondary key, in base64.
	Key string `toml:"key"`
	// CA holds PEM certificates that the service's certificate may be signed
	// with, beside the system's.
	CA string `toml:"ca,omitempty"`
}

// accountFlags are the options of every command that calls the account.
type accountFlags struct {
	config, endpoint, account, keyFile, caFile string
}

func (f *accountFlags) register(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.config, "config", os.Getenv("POOLCERT_CONFIG"), "configuration `file` (default ~/.config/poolcert/config.toml) [$POOLCERT_CONFIG]")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the account service [$POOLCERT_ENDPOINT]")
	flags.StringVar(&f.account, "account", "", "`name` of the account [$POOLCERT_ACCOUNT]")
	flags.StringVar(&f.keyFile, "key-file", "", "`file` with the account's key [$POOLCERT_KEY holds the key itself]")
	flags.StringVar(&f.caFile, "ca", "", "`file` with the service's CA certificate in PEM [$POOLCERT_CA]")
}

func (f *accountFlags) configPath() (string, error) {
	if f.config != "" {
		return f.config, nil
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
	set(&p.Key, os.Getenv("POOLCERT_KEY"))
	if f.keyFile != "" {
		key, err := os.ReadFile(f.keyFile)
		if err != nil {
			return nil, fmt.Errorf("account key: %w", err)
		}
		p.Key = string(key)
	}
	caFile := os.Getenv("POOLCERT_CA")
	set(&caFile, f.caFile)
	if caFile != "" {
		ca, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("CA certificate: %w", err)
		}
		p.CA = string(ca)
	}
	return p, nil
}

func (f *accountFlags) loadConfig() (*profile, error) {
	path, err := f.configPath()
	if err != nil {
		return new(profile), nil // no home: flags and environment may do
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if f.config != "" {
			return nil, cli.Hint(fmt.Errorf("configuration %s does not exist", path), "'poolcert login' writes it")
		}
		return new(profile), nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, cli.Hint(fmt.Errorf("configuration %s holds a key and can be read by others", path), "chmod 600 %s", path)
	}
	p := new(profile)
	meta, err := toml.Decode(string(data), p)
	if err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) { // its text quotes the line, which may be the key's
			return nil, fmt.Errorf("configuration %s, line %d: not valid TOML", path, syntax.Position.Line)
		}
		return nil, fmt.Errorf("configuration %s: a value has the wrong type", path)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, cli.Hint(fmt.Errorf("configuration %s: unknown key %q", path, unknown[0]), "the keys are endpoint, account, key, ca")
	}
	return p, nil
}

// client makes a client for the account.
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
		if need.value == "" {
			return nil, cli.Hint(cli.Usagef("which account? No %s is given", need.name), "%s", how)
		}
	}
	u, err := url.Parse(p.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return nil, cli.Hint(cli.Usagef("endpoint %q is not the URL of a server", p.Endpoint), "it looks like https://batch.example:8443")
	}
	key, err := batch.ParseKey(p.Key)
	if err != nil {
		return nil, cli.Hint(cli.Usage(err), "'poolcert-server account create' printed it; it is base64 text such as kM3...==")
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if p.CA != "" && !roots.AppendCertsFromPEM([]byte(p.CA)) {
		return nil, errors.New("CA certificate: no certificate in PEM form in it")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &batch.Client{
		Endpoint:    p.Endpoint,
		Credentials: batch.Credentials{Account: p.Account, Key: key},
		HTTP: &http.Client{
			Transport:     transport,
			Timeout:       time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// explain gives an error of the account its hint and exit code.
func explain(err error) error {
	var refusal *batch.Error
	if errors.As(err, &refusal) {
		switch refusal.Code {
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
			return cli.Hint(err, "add the certificate first, with 'poolcert cert add'; one that is being deleted cannot be used")
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
			return cli.Hint(err, "try again in a moment")
		}
		if refusal.Status >= 500 && refusal.RequestID != "" {
			return cli.Hint(err, "the server's log says more under request_id %s", refusal.RequestID)
		}
		return err
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
		return cli.Hint(cause, "use the server's name as endpoint, or add this one: 'poolcert-server init --host NAME'")
	case errors.As(err, &dns), errors.Is(err, syscall.ECONNREFUSED):
		return cli.Hint(cause, "is the endpoint right, and poolcert-server running?")
	case transport.Timeout():
		return cli.Hint(cause, "the server did not answer; is a firewall in the way?")
	}
	return cause
}
