package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"poolcert/internal/filetrust"
	"poolcert/internal/lockfile"
	"poolcert/internal/securefile"
)

// Files of the state directory.
const (
	identityFile      = "identity.json" // who this node is
	joiningFile       = "joining.json"  // keys of a join that has not been answered yet
	lastGoodFile      = "lastgood"      // the sealed last-known-good set
	lastGoodKeyFile   = "lastgood.key"
	lastGoodTPMFile   = "lastgood.tpm"   // that key, sealed to the TPM
	lastGoodDPAPIFile = "lastgood.dpapi" // that key, sealed to the computer's Windows
	installedFile     = "installed"      // whose certificates are in the certificates directory
	foldersFile       = "folders.json"   // the certificates directories that were used
	evictedFile       = "evicted"        // the node was told that it is no member any more
	contactFile       = "contact.json"   // when the source was last reached
	lockFile          = "lock"
)

// ErrRunning means that another process uses the state directory.
var ErrRunning = errors.New("an agent is already running with this state directory")

// A StateDirError refuses a state directory that is not the agent's own.
type StateDirError struct {
	Path    string
	Reason  string
	Foreign bool // it belongs to another user
}

func (e *StateDirError) Error() string { return "state directory " + e.Path + ": " + e.Reason }

// A stateDir is the agent's own folder, locked for this process.
type stateDir struct {
	path string
	lock *lockfile.Lock
}

// openStateDir makes the folder if it is missing, checks that nobody else can
// enter it, and takes its lock, or fails with ErrRunning.
func openStateDir(path string) (*stateDir, error) {
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	if err := checkStateDir(path); err != nil {
		return nil, err
	}
	lock, err := lockfile.Acquire(filepath.Join(path, lockFile))
	switch {
	case errors.Is(err, lockfile.ErrLocked):
		return nil, fmt.Errorf("lock state directory %s: %w", path, ErrRunning)
	case err != nil:
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	s := &stateDir{path: path, lock: lock}
	s.sweep()
	return s, nil
}

func checkStateDir(path string) error {
	fi, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("open state directory: %w", err)
	}
	if !fi.IsDir() {
		return &StateDirError{Path: path, Reason: "it is not a folder"}
	}
	return checkPrivate(path, fi)
}

// sweep removes what a killed process was writing. The lock says that no one
// writes now.
func (s *stateDir) sweep() {
	entries, err := os.ReadDir(s.path)
	if err != nil {
		return // the first real read or write will say
	}
	for _, e := range entries {
		if securefile.IsTemp(e.Name()) {
			os.Remove(s.file(e.Name()))
		}
	}
}

func (s *stateDir) file(name string) string { return filepath.Join(s.path, name) }

// read returns a file of at most limit bytes.
func (s *stateDir) read(name string, limit int64) ([]byte, error) {
	return filetrust.ReadFile(s.file(name), limit)
}

func (s *stateDir) write(name string, data []byte) error {
	return securefile.WriteFile(s.file(name), data, 0o600)
}

// remove removes a file for good. A missing one is no error.
func (s *stateDir) remove(name string) error {
	if err := os.Remove(s.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return securefile.SyncDir(s.path)
}

// Close gives up the lock.
func (s *stateDir) Close() error { return s.lock.Close() }
