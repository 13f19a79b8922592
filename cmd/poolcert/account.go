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

	mayBeMissing bool // the configuration file, though it was named
}

func (f *accountFlags) register(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.config, "config", "", "configuration `file` (default ~/.config/poolcert/config.toml) [$POOLCERT_CONFIG]")
	flags.StringVar(&f.endpoint, "endpoint", "", "`URL` of the account service [$POOLCERT_ENDPOINT]")
	flags.StringVar(&f.account, "account", "", "`name` of the account [$POOLCERT_ACCOUNT]")
	flags.StringVar(&f.keyFile, "key-file", "", "`file` with the account's key [$POOLCERT_KEY holds the key itself]")
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
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if f.named() != "" && !f.mayBeMissing {
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

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
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
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return nil, cli.Hint(cli.Usagef("endpoint %q is not encrypted: passwords and keys would be readable on their way", p.Endpoint), "use https; http is for a server on this machine only")
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
		return nil, cli.Hint(errors.New("CA certificate: no certificate in PEM form in it"), "give the file ca.pem of poolcert-server")
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
