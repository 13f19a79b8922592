package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/account/request"
	"poolcert/internal/cli"
	"poolcert/internal/tomlfile"
)

// Names in the data directory.
const (
	configName   = "server.toml"
	caName       = "ca.pem"
	caKeyName    = "ca.key"
	masterName   = "master.key"
	databaseName = "poolcert.db"
)

func configPath(dir string) string { return filepath.Join(dir, configName) }

// config is what server.toml holds; configText is its manual.
type config struct {
	Listen       string          `toml:"listen"`
	NodeListen   string          `toml:"node_listen"`
	Hosts        []string        `toml:"hosts"`
	URL          string          `toml:"url"`
	NodeURL      string          `toml:"node_url"`
	TLSCert      string          `toml:"tls_cert"`
	TLSKey       string          `toml:"tls_key"`
	Database     string          `toml:"database"`
	DeleteWindow duration        `toml:"delete_window"`
	Overlap      duration        `toml:"overlap"`
	NodeTTL      duration        `toml:"node_ttl"`
	Log          logLevel        `toml:"log"`
	LogFormat    string          `toml:"log_format"`
	MasterKey    masterKey       `toml:"master_key"`
	Audit        auditLog        `toml:"audit"`
	Metrics      metricsListener `toml:"metrics"`
	Limits       limits          `toml:"limits"`
	OIDC         *signIn         `toml:"oidc"` // nil: no tokens
}

// configText is the file that init writes.
var configText = template.Must(template.New(configName).Parse(`# poolcert-server: how the account service listens.
# An unknown key is refused. 'poolcert-server check' tells what is in effect.

# Where clients connect (the Batch REST API), and where nodes do. Port 0 takes a
# free port at each start.
listen = {{printf "%q" .Listen}}
node_listen = {{printf "%q" .NodeListen}}

# The names and addresses in the TLS certificates that the service issues to
# itself. The first one is in the URLs that people and nodes are told.
hosts = [{{range $i, $h := .Hosts}}{{if $i}}, {{end}}{{printf "%q" $h}}{{end}}]

# The URL of this service for clients, when it differs from https://<first host>:<port
# of listen>, for instance behind a proxy. It is then in all answers; without it, an
# answer uses the name by which its client called.
# url = "https://batch.example.org"

# The URL for nodes, when it differs from https://<first host>:<port of node_listen>.
# It goes into join tokens. TLS must reach this service unopened.
# node_url = "https://batch.example.org:8444"

# Your own certificate (PEM, with its chain) and key for listen. Without them the
# service's CA issues one, and clients need ca.pem. Nodes don't need it.
# tls_cert = "/etc/poolcert/tls.pem"
# tls_key = "/etc/poolcert/tls.key"

# Where the data is kept. Without it, in SQLite in this directory. Any number of
# servers may share one PostgreSQL database; they need the same master.key, ca.pem
# and ca.key. 'poolcert-server migrate' copies from one to the other.
{{if .Database}}database = {{printf "%q" .Database}}{{else}}# database = "postgres://poolcert@db.example.org/poolcert"{{end}}

# How long the deletion of a certificate waits until no pool and no node holds it
# any more, before it fails.
delete_window = "{{.DeleteWindow}}"

# How long nodes keep a certificate after another has become current under its name
# ('poolcert cert add --name'), so that secrets which are sealed to it still open. It
# counts for the replacements from now on. "0s": not at all.
overlap = "{{.Overlap}}"

# A node that was not seen for this long is taken out of its pool; time in which the
# service was down does not count. Without it a node stays until somebody evicts it.
# At least "1h".
# node_ttl = "720h"

# debug, info, warn or error. At debug, each request is logged.
log = "{{.Log}}"

# How lines of the log are written: text or json.
log_format = "{{.LogFormat}}"
` + masterKeyText + auditText + metricsText + limitsText + oidcText))

// defaultConfig is a file in which every line is absent.
func defaultConfig() config {
	return config{
		Listen: ":8443", NodeListen: ":8444",
		DeleteWindow: duration(account.DefaultDeleteWindow), Overlap: duration(account.DefaultOverlap), Log: logLevel(slog.LevelInfo), LogFormat: logText,
		Limits: defaultLimits,
	}
}

// errNoData means that init has not been run.
var errNoData = errors.New("not a data directory of poolcert-server")

// loadConfig reads the data directory's configuration and checks all of it.
func loadConfig(dir string) (*config, error) {
	path := configPath(dir)
	cfg := defaultConfig()
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, cli.Hint(fmt.Errorf("%s is %w: it has no %s", dir, errNoData, configName),
			"make one with 'poolcert-server init --dir %s', or name another with --dir", dir)
	case err != nil:
		return nil, explain(fmt.Errorf("read configuration: %w", err), dir)
	}
	if _, err := tomlfile.Decode(string(data), &cfg); err != nil {
		return nil, hintTOML(fmt.Errorf("%s: %w", path, err))
	}
	if err := cfg.check(); err != nil {
		return nil, hintConfig(fmt.Errorf("%s: %w", path, err))
	}
	if db.Redacted(cfg.Database) != cfg.Database { // it has a password
		if err := checkPrivate(path, "change the password of the database"); err != nil {
			return nil, err
		}
	}
	// Paths in the file are relative to it, not to where somebody stands.
	files := []*string{&cfg.TLSCert, &cfg.TLSKey}
	if cfg.Audit.File != auditStderr {
		files = append(files, &cfg.Audit.File)
	}
	if cfg.OIDC != nil {
		files = append(files, &cfg.OIDC.CAFile)
	}
	for _, file := range files {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
	return &cfg, nil
}

func (c *config) check() error {
	for key, address := range map[string]string{"listen": c.Listen, "node_listen": c.NodeListen} {
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16) // a name would get into URLs
		}
		if err != nil {
			return cli.Hint(fmt.Errorf("%s: %q is not an address", key, address), "write it as \"host:port\", or \":port\" for all addresses; a port is a number up to 65535")
		}
	}
	if sameListener(c.Listen, c.NodeListen) {
		return cli.Hint(fmt.Errorf("listen and node_listen: %q and %q need the same port", c.Listen, c.NodeListen), "clients and nodes need a port each, such as 8443 and 8444")
	}
	if len(c.Hosts) == 0 {
		return errors.New("hosts: at least one name or address is needed")
	}
	for _, host := range c.Hosts {
		if err := checkHost(host); err != nil {
			return fmt.Errorf("hosts: %w", err)
		}
	}
	for key, text := range map[string]string{"url": c.URL, "node_url": c.NodeURL} {
		if err := checkURL(text); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("tls_cert and tls_key: give both or none")
	}
	if strings.Contains(c.Database, "://") && !db.IsPostgres(c.Database) {
		return cli.Hint(errors.New("database: only PostgreSQL has a URL here"), "write it as \"postgres://user@host/database\", or leave it out")
	}
	if c.DeleteWindow < 0 {
		return errors.New("delete_window: it cannot be negative")
	}
	if c.Overlap < 0 || time.Duration(c.Overlap) > maxOverlap {
		return fmt.Errorf("overlap: it is between 0s and %v", maxOverlap)
	}
	if ttl := time.Duration(c.NodeTTL); ttl != 0 && ttl < account.MinNodeTTL {
		return cli.Hint(fmt.Errorf("node_ttl: %v is too short", ttl), "nodes are seen every few minutes, and are to survive a reboot: \"24h\" or more; leave it out to keep all nodes")
	}
	if c.LogFormat != logText && c.LogFormat != logJSON {
		return fmt.Errorf("log_format: %q is neither text nor json", c.LogFormat)
	}
	if err := errors.Join(c.MasterKey.check(), c.Audit.check(), c.Metrics.check(c.Listen, c.NodeListen)); err != nil {
		return err
	}
	if err := c.Limits.check(); err != nil {
		return err
	}
	if c.OIDC != nil {
		if err := c.OIDC.check(); err != nil {
			return err
		}
	}
	return nil
}

// maxOverlap is ten years: a longer time is a mistake.
const maxOverlap = 10 * 365 * 24 * time.Hour

// overlapOfService is the overlap as the service takes it, where 0 is the default.
func (c *config) overlapOfService() time.Duration {
	if c.Overlap == 0 {
		return -1
	}
	return time.Duration(c.Overlap)
}

// dsn is where the database of the data directory is.
func (c *config) dsn(dir string) string {
	switch {
	case c.Database == "":
		return filepath.Join(dir, databaseName)
	case db.IsPostgres(c.Database) || filepath.IsAbs(c.Database):
		return c.Database
	}
	return filepath.Join(dir, c.Database)
}

// databaseDir is the directory of the database, if it is in SQLite.
func (c *config) databaseDir(dir string) string {
	if dsn := c.dsn(dir); !db.IsPostgres(dsn) {
		return filepath.Dir(dsn)
	}
	return dir
}

// databaseText names the database without a password.
func (c *config) databaseText() string {
	if !db.IsPostgres(c.Database) {
		return cmp.Or(c.Database, databaseName) + " (SQLite)"
	}
	return db.Redacted(c.Database)
}

// certificateHosts are all names that the service's own certificates are for.
func (c *config) certificateHosts() []string {
	hosts := slices.Clone(c.Hosts)
	for _, text := range []string{c.URL, c.NodeURL} {
		if u, err := url.Parse(text); err == nil && text != "" && !slices.Contains(hosts, u.Hostname()) {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

// checkHost accepts a DNS name or an IP address.
func checkHost(host string) error {
	if net.ParseIP(host) != nil {
		return nil
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return cli.Hint(fmt.Errorf("%q is neither a host name nor an IP address", host), "give the name alone, without scheme and port")
		}
	}
	return nil
}

func checkURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return cli.Hint(fmt.Errorf("%q is not the https URL of a server", text), "write it as \"https://host:port\", without a path")
	}
	return nil
}

// urlFor is the URL by which others reach a listener: the configured one, or the
// first host with the listener's port. It is empty when the port is not known yet.
func (c *config) urlFor(configured, scheme, address string) string {
	if configured != "" {
		return strings.TrimRight(configured, "/")
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" {
		return ""
	}
	if scheme == "https" && port == "443" {
		if strings.Contains(c.Hosts[0], ":") {
			return "https://[" + c.Hosts[0] + "]"
		}
		return "https://" + c.Hosts[0]
	}
	return scheme + "://" + net.JoinHostPort(c.Hosts[0], port)
}

// A duration is written as text, such as "60s".
type duration time.Duration

func (d duration) String() string {
	text := strings.Replace(time.Duration(d).String(), "m0s", "m", 1)
	return strings.Replace(text, "h0m", "h", 1)
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as \"60s\" or \"48h\"", text)
	}
	*d = duration(v)
	return nil
}

// Values of log_format.
const (
	logText = "text"
	logJSON = "json"
)

// logger returns the log that the configuration asks for.
func (c *config) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.Level(c.Log)}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if c.LogFormat == logJSON {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(request.LogHandler(h))
}

// A logLevel is a slog level in lower case.
type logLevel slog.Level

func (l logLevel) String() string { return strings.ToLower(slog.Level(l).String()) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (l *logLevel) UnmarshalText(text []byte) error {
	var v slog.Level
	if err := v.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is none of debug, info, warn, error", text)
	}
	*l = logLevel(v)
	return nil
}
