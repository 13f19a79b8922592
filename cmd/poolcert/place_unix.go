//go:build unix

package main

// Where things are, if nobody says otherwise.
const (
	defaultSocket          = "/run/poolcert/agent.sock" // where a node's agent answers
	defaultCertificatesDir = "/run/poolcert/certs"      // where it installs certificates
	configPlace            = "~/.config/poolcert/config.toml"
)

// Who the agent runs as, and may read all that it installs.
const superuser = "root"

// endOfInput is what ends typed input.
const endOfInput = "Ctrl-D"
