package agent

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"poolcert/agent/lastgood"
	"poolcert/agent/offline"
)

// A SourceConfig says where the wanted certificates come from, and what the node
// remembers of them. Its keys are part of the configuration file's top level.
type SourceConfig struct {
	// Source is "service" (default): the pool that the node has joined; or
	// "directory": a folder that something else fills. See [directory].
	Source string `toml:"source"`

	// Server is the https URL of the service, instead of the one in the join
	// token: for a service that has moved and kept its CA. It may come and go.
	Server string `toml:"server"`

	// JoinTokenFile holds a join token for a node that the service does not know
	// any more without having evicted it, such as after its database was restored
	// from a backup that is older than the node. Only the agent's user may read
	// it. In a systemd unit it may be a credential:
	// "/run/credentials/poolcert-agent.service/join-token".
	JoinTokenFile string `toml:"join_token_file"`

	// PollInterval asks the service in this interval, "1s" to "1h", instead of
	// having it hold polls: for networks that cut idle connections. "0s"
	// (default): the service holds polls, see wait.
	PollInterval time.Duration `toml:"poll_interval"`

	Directory DirectoryConfig `toml:"directory"`

	// NodeKey is where the key lies that seals the last-known-good set: "file"
	// (default), in the state directory; "credential", a systemd credential with
	// the name poolcert-node-key, 32 bytes or more; "tpm", sealed to the TPM 2.0
	// of this node; or "dpapi" (default on Windows, and only there), sealed to the
	// computer by Windows.
	NodeKey string `toml:"node_key"`

	// MaxOffline is how long the source may be out of reach before that counts as
	// too long, "0s" for ever. AfterMaxOffline is what happens then: "keep"
	// (default), the certificates stay and the status tells; or "remove", they go,
	// and come back with the source.
	MaxOffline      time.Duration `toml:"max_offline"`
	AfterMaxOffline string        `toml:"after_max_offline"`
}

// A DirectoryConfig is the table [directory].
type DirectoryConfig struct {
	// Path is the folder, with references.toml and the files that it names. It
	// belongs to root or the agent's user, and no one else may write there.
	Path string `toml:"path"`
}

// The values of [SourceConfig].
const (
	SourceService   = "service"
	SourceDirectory = "directory"

	afterKeep   = "keep"
	afterRemove = "remove"
)

func defaultSourceConfig() SourceConfig {
	return SourceConfig{
		Source:          SourceService,
		Directory:       DirectoryConfig{Path: defaultDirectory()},
		NodeKey:         defaultNodeKey,
		MaxOffline:      30 * 24 * time.Hour,
		AfterMaxOffline: afterKeep,
	}
}

func (c *SourceConfig) check() error {
	switch {
	case c.Source != SourceService && c.Source != SourceDirectory:
		return fmt.Errorf("source: %q is neither service nor directory", c.Source)
	case c.Server != "" && !isServerURL(c.Server):
		return fmt.Errorf("server: %q is not the https URL of a server, such as \"https://poolcert.example:8443\"", c.Server)
	case c.JoinTokenFile != "" && !filepath.IsAbs(c.JoinTokenFile):
		return fmt.Errorf("join_token_file: %q is not an absolute path", c.JoinTokenFile)
	case c.Source == SourceDirectory && !filepath.IsAbs(c.Directory.Path):
		return fmt.Errorf("directory.path: %q is not an absolute path", c.Directory.Path)
	case c.PollInterval != 0 && (c.PollInterval < time.Second || c.PollInterval > time.Hour):
		return errors.New(`poll_interval: want 1s to 1h, such as "30s", or "0s" to have polls held`)
	case c.NodeKey == lastgood.KeyInDPAPI && !hasDPAPI:
		return errors.New("node_key: dpapi is for Windows; use file, credential or tpm")
	case c.NodeKey != lastgood.KeyInFile && c.NodeKey != lastgood.KeyInCredential && c.NodeKey != lastgood.KeyInTPM && c.NodeKey != lastgood.KeyInDPAPI:
		return fmt.Errorf("node_key: %q is none of file, credential, tpm and dpapi", c.NodeKey)
	case c.MaxOffline != 0 && c.MaxOffline < time.Second:
		return errors.New(`max_offline: want 1s or more, such as "720h", or "0s" for ever`)
	case c.AfterMaxOffline != afterKeep && c.AfterMaxOffline != afterRemove:
		return fmt.Errorf("after_max_offline: %q is neither keep nor remove", c.AfterMaxOffline)
	}
	return nil
}

// isServerURL accepts what a join token may hold.
func isServerURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

func (c *SourceConfig) offlineLimit() offline.Limit {
	return offline.Limit{Max: c.MaxOffline, Remove: c.AfterMaxOffline == afterRemove}
}
