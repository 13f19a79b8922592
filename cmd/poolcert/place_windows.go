package main

import (
	"os"
	"path/filepath"
)

// Where things are, if nobody says otherwise.
const (
	defaultSocket = `\\.\pipe\poolcert-agent` // where a node's agent answers
	configPlace   = `%AppData%\poolcert\config.toml`
)

// Who the agent runs as, or may stop it, and read all that it installs.
const superuser = "the system or an administrator"

// defaultCertificatesDir is where a node's agent installs certificates.
var defaultCertificatesDir = filepath.Join(programData(), "poolcert", "certs")

func programData() string {
	if dir := os.Getenv("ProgramData"); dir != "" {
		return dir
	}
	return `C:\ProgramData`
}

// endOfInput is what ends typed input.
const endOfInput = "Ctrl-Z and Enter"
