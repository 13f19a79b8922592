package agent

import (
	"os"
	"path/filepath"

	"poolcert/internal/sddl"
)

// DefaultConfigPath returns where the configuration file is looked for.
func DefaultConfigPath() string { return filepath.Join(programData(), "agent.toml") }

// DefaultLogPath returns where the service writes its log.
func DefaultLogPath() string { return filepath.Join(programData(), "log", "agent.log") }

func defaultStateDir() string        { return filepath.Join(programData(), "state") }
func defaultCertificatesDir() string { return filepath.Join(programData(), "certs") }
func defaultSocket() string          { return `\\.\pipe\poolcert-agent` }
func defaultDirectory() string       { return filepath.Join(programData(), "certs.d") }

func programData() string {
	dir := os.Getenv("ProgramData")
	if dir == "" {
		dir = `C:\ProgramData`
	}
	return filepath.Join(dir, "poolcert")
}

const (
	defaultStartTaskGroup = string(sddl.Administrators) // by name, it is another one in each language
	superuser             = "administrators"

	makeGroup     = "net localgroup %s /add"
	hasUnixRights = false // users and groups have numbers, files have modes
	socketIsFile  = false
)
