package agent

import (
	"os"
	"path/filepath"
)

// DefaultConfigPath returns where the configuration file is looked for.
func DefaultConfigPath() string { return filepath.Join(programData(), "agent.toml") }

func defaultStateDir() string        { return filepath.Join(programData(), "state") }
func defaultCertificatesDir() string { return filepath.Join(programData(), "certs") }
func defaultSocket() string          { return filepath.Join(programData(), "agent.sock") }
func defaultDirectory() string       { return filepath.Join(programData(), "certs.d") }

func programData() string {
	dir := os.Getenv("ProgramData")
	if dir == "" {
		dir = `C:\ProgramData`
	}
	return filepath.Join(dir, "poolcert")
}
