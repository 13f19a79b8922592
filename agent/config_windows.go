package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"poolcert/agent/lastgood"
	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
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

	defaultNodeKey = lastgood.KeyInDPAPI
	hasDPAPI       = true

	hasUnixRights = false // users and groups have numbers, files have modes
)

// MakePlaces makes the folder of the service, and that of its log, before any user of
// this computer can: in %ProgramData%, all users may make folders. What is there already
// is judged when the agent starts.
func MakePlaces() error {
	err := makePlaces(programData(), filepath.Dir(DefaultLogPath()))
	if err != nil {
		return fmt.Errorf("make the agent's folder: %w", err)
	}
	return nil
}

func makePlaces(folder, log string) error {
	keeper, err := winfile.Keeper()
	if err == nil {
		err = winfile.Mkdir(folder, winfile.Passable(keeper))
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = winfile.Mkdir(log, winfile.Private(keeper))
	}
	return err
}
