//go:build !windows

package agent

import "poolcert/agent/lastgood"

// DefaultConfigPath returns where the configuration file is looked for.
func DefaultConfigPath() string { return "/etc/poolcert/agent.toml" }

// DefaultLogPath returns "": what runs the service keeps its log.
func DefaultLogPath() string { return "" }

func defaultStateDir() string        { return "/var/lib/poolcert" }
func defaultCertificatesDir() string { return "/run/poolcert/certs" }
func defaultSocket() string          { return "/run/poolcert/agent.sock" }
func defaultDirectory() string       { return "/etc/poolcert/certs.d" }

const (
	defaultStartTaskGroup = superuser
	superuser             = "root"

	defaultNodeKey = lastgood.KeyInFile
	hasDPAPI       = false

	hasUnixRights = true // users and groups have numbers, files have modes
)

// MakePlaces makes the folders of the service that another user could make first. Here,
// there are none.
func MakePlaces() error { return nil }
