package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"poolcert/agent/hook"
	"poolcert/batch"
	"poolcert/internal/filetrust"
	"poolcert/internal/localsock"
	"poolcert/internal/nodeapi"
	"poolcert/internal/tomlfile"
	"poolcert/store"
)

// A Config is the agent's configuration file, in TOML. Its comments are the
// manual. Every key may be absent, and so may the file; a key that is not here
// is an error.
type Config struct {
	// StateDir holds what must survive a reboot: the node's identity and the
	// sealed last-known-good set. Only the agent's user may enter it.
	StateDir string `toml:"state_dir"`

	// CertificatesDir is where certificates are installed: tasks read
	// CertificatesDir/current/<visibility>. It should be on a tmpfs, so that
	// no key stays on a disk.
	CertificatesDir string `toml:"certificates_dir"`

	// Formats are the files that each certificate has: "pfx" (with .pfx.pw, its
	// password), "cer" (DER), "pem" (the certificate, then its issuers), "key"
	// (PKCS #8 in PEM). [owners.task] and so on may have others.
	Formats []store.FileFormat `toml:"formats"` // default: pfx, cer

	// KeepGenerations is how many older sets stay for programs that have opened
	// their folder, 0 to 10. What is not in the newest set is not in these.
	KeepGenerations int `toml:"keep_generations"`

	// Expose says how tasks use a certificate's key: "files", as Batch has it, or
	// "decrypt-only": no private key is in any file, and tasks ask the socket.
	// [owners.task] and so on may have another one for their visibility.
	Expose Expose `toml:"expose"`

	// Socket is where tasks, and "poolcert-agent status", reach the agent: a path, or on
	// Windows a pipe such as '\\.\pipe\poolcert-agent'.
	Socket string `toml:"socket"`

	// Wait is how long the service may hold a poll until something changes:
	// "1s" to "60s". A change arrives at once; this is how often an unchanged
	// node is heard of.
	Wait time.Duration `toml:"wait"`

	// InitialJitter spreads the first contact after a start over this time, so
	// that a pool that boots at once does not call at once. "0s" is allowed.
	InitialJitter time.Duration `toml:"initial_jitter"`

	// CheckInterval is how often the installed files are checked without a known
	// reason: "10s" to "24h". A change of them is noticed at once.
	CheckInterval time.Duration `toml:"check_interval"`

	SourceConfig

	// InitialSync is how long the agent's service counts as starting while no set
	// of certificates is installed: "0s" to "1h".
	InitialSync time.Duration `toml:"initial_sync"`

	// MetricsListen is an address for /metrics, /healthz and /readyz beside the
	// socket, such as "127.0.0.1:9465". Every user of the node can read what is
	// there, so it has to be a loopback address unless MetricsPublic is set.
	MetricsListen string `toml:"metrics_listen"`
	MetricsPublic bool   `toml:"metrics_public"`

	// Hooks are run when the set of certificates changes: [[hook]].
	Hooks []hook.Hook `toml:"hook"`

	// Install is where certificates go: "directory", which is certificates_dir and the
	// default, or on Windows "stores", the certificate stores, which is the default there,
	// or both.
	Install []Install `toml:"install"`

	// Stores is the table [stores].
	Stores StoresConfig `toml:"stores"`

	Log LogConfig `toml:"log"`

	// Audit says where uses of keys are told.
	Audit AuditConfig `toml:"audit"`

	// Owners say whom the files of a visibility belong to: [owners.task],
	// [owners.starttask], [owners.remoteuser].
	Owners PerVisibility[OwnerConfig] `toml:"owners"`

	// RemoteUser is the table [remoteuser].
	RemoteUser RemoteUserConfig `toml:"remoteuser"`

	// Access says who may use the keys of a visibility through the socket:
	// [access.task], [access.starttask], [access.remoteuser].
	Access PerVisibility[AccessConfig] `toml:"access"`
}

// A LogConfig is the table [log].
type LogConfig struct {
	Level  slog.Level `toml:"level"`  // debug, info (default), warn, error
	Format string     `toml:"format"` // text (default) or json

	// File gets the log instead of the standard error. At 10 MB it becomes FILE.1, and
	// so on; five of these stay. Default: none; for the service on Windows,
	// log\agent.log in %ProgramData%\poolcert, beside the event log.
	File string `toml:"file"`
}

// PerVisibility holds one T for each visibility.
type PerVisibility[T any] struct {
	Task       T `toml:"task"`
	StartTask  T `toml:"starttask"`
	RemoteUser T `toml:"remoteuser"`
}

// For returns the one of v.
func (p *PerVisibility[T]) For(v batch.Visibility) *T {
	switch v {
	case batch.StartTask:
		return &p.StartTask
	case batch.RemoteUser:
		return &p.RemoteUser
	}
	return &p.Task
}

// DefaultConfig returns what holds without a configuration file.
func DefaultConfig() *Config {
	c := &Config{
		StateDir:        defaultStateDir(),
		CertificatesDir: defaultCertificatesDir(),
		Socket:          defaultSocket(),
		Expose:          ExposeFiles,
		Install:         defaultInstall(),
		Wait:            55 * time.Second,
		InitialJitter:   2 * time.Second,
		InitialSync:     30 * time.Second,
		CheckInterval:   10 * time.Minute,
		KeepGenerations: 1,
		Stores:          StoresConfig{CurrentUser: userOfMachine},
		SourceConfig:    defaultSourceConfig(),
		Log:             LogConfig{Format: "text"},
	}
	c.Owners.Task.Group = localGroup + "poolcert-task"
	c.Owners.StartTask.Group = defaultStartTaskGroup
	c.Owners.RemoteUser.Group = localGroup + "poolcert-remoteuser"
	return c
}

// maxKept bounds keep_generations: each one is a copy of all keys.
const maxKept = 10

// maxConfig is more than anybody writes by hand.
const maxConfig = 1 << 20

// ErrConfigOpen is returned for a configuration file that others can change: it says
// who may use keys, and what runs.
var ErrConfigOpen = errors.New("not safe from others")

// LoadConfig reads path over the defaults. An empty path is the system's
// configuration file, which need not exist. The file has to be one that only root
// (on Windows, the administrators) and the agent's user can change; on Windows, neither
// may others exchange a folder above it: [ErrConfigOpen]. Errors name the file, the line
// and the key.
func LoadConfig(path string) (*Config, error) {
	optional := path == ""
	if optional {
		path = DefaultConfigPath()
	}
	f, err := filetrust.Open(path)
	switch {
	case optional && errors.Is(err, fs.ErrNotExist):
		return DefaultConfig(), nil
	case err != nil:
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	// Of the open file, which nobody can exchange before it is read.
	if err := errors.Join(filetrust.CheckOwner(f), filetrust.CheckFolders(path)); err != nil {
		return nil, fmt.Errorf("read configuration %s: %w: %w", path, ErrConfigOpen, err)
	}
	data, err := filetrust.ReadAll(f, maxConfig)
	if errors.Is(err, filetrust.ErrTooLarge) {
		err = fmt.Errorf("larger than %d bytes", maxConfig)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	c, err := ParseConfig(string(data))
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", path, err)
	}
	return c, nil
}

// ParseConfig reads the text of a configuration file over the defaults.
func ParseConfig(text string) (*Config, error) {
	c := DefaultConfig()
	if _, err := tomlfile.Decode(text, c); err != nil {
		return nil, err
	}
	if i, err := hook.CheckAll(c.Hooks); err != nil {
		return nil, fmt.Errorf("line %d: hook %d: %w", tomlfile.LineOf(text, "hook", i), i+1, err)
	}
	return c, c.check()
}

func (c *Config) check() error {
	for _, dir := range []struct{ key, path string }{
		{"state_dir", c.StateDir}, {"certificates_dir", c.CertificatesDir},
	} {
		if !filepath.IsAbs(dir.path) {
			return fmt.Errorf("%s: %q is not an absolute path", dir.key, dir.path)
		}
	}
	if err := localsock.CheckPath(c.Socket); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if c.Wait < time.Second || c.Wait > nodeapi.MaxWait {
		return fmt.Errorf("wait: want 1s to %v, such as \"55s\"", nodeapi.MaxWait)
	}
	if c.InitialJitter < 0 || c.InitialJitter > time.Hour {
		return errors.New(`initial_jitter: want 0s to 1h, such as "2s"`)
	}
	if err := c.checkOwners(); err != nil {
		return err
	}
	if err := c.checkAccess(); err != nil {
		return err
	}
	if err := c.RemoteUser.check(); err != nil {
		return err
	}
	if c.KeepGenerations < 0 || c.KeepGenerations > maxKept {
		return fmt.Errorf("keep_generations: want 0 to %d", maxKept)
	}
	if err := c.checkExpose(); err != nil {
		return err
	}
	if err := c.checkInstall(); err != nil {
		return err
	}
	if err := c.SourceConfig.check(); err != nil {
		return err
	}
	if c.CheckInterval < 10*time.Second || c.CheckInterval > 24*time.Hour {
		return errors.New(`check_interval: want 10s to 24h, such as "10m"`)
	}
	if c.InitialSync < 0 || c.InitialSync > time.Hour {
		return errors.New(`initial_sync: want 0s to 1h, such as "30s"`)
	}
	if err := c.checkMetrics(); err != nil {
		return err
	}
	if err := c.Audit.check(); err != nil {
		return err
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return fmt.Errorf("log.format: %q is neither text nor json", c.Log.Format)
	}
	if c.Log.File != "" && !filepath.IsAbs(c.Log.File) {
		return fmt.Errorf("log.file: %q is not an absolute path", c.Log.File)
	}
	return nil
}
