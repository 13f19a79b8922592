// Package statedir keeps what an agent has to remember over a reboot: small files in
// a folder that only the agent's user may enter.
//
// Call [Open], and [Dir.Close] at the end. Others than the agent look into the folder
// with [At], and judge it with [Check].
//
// Promises. One process has the folder at a time. Nobody else can enter it, or, on
// Windows, exchange a folder above it; one that others can enter is refused and not
// mended, since nobody knows who was there. A file is replaced whole or not at all,
// over a loss of power, too, and a removed one does not come back.
//
// All names of files are here, so that no two parts of the agent take the same one.
package statedir

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
	IdentityFile      = "identity.json" // who this node is
	JoiningFile       = "joining.json"  // keys of a join that has not been answered yet
	LastGoodFile      = "lastgood"      // the sealed last-known-good set
	LastGoodKeyFile   = "lastgood.key"
	LastGoodTPMFile   = "lastgood.tpm"   // that key, sealed to the TPM
	LastGoodDPAPIFile = "lastgood.dpapi" // that key, sealed to the computer's Windows
	InstalledFile     = "installed"      // whose certificates are in the certificates directory
	FoldersFile       = "folders.json"   // the certificates directories that were used
	EvictedFile       = "evicted"        // the node was told that it is no member any more
	ContactFile       = "contact.json"   // when the source was last reached
	LinksFile         = "links.json"     // the links in homes of remote users
	HooksFile         = "hooks.json"     // what the hooks were told
	LockFile          = "lock"
)

// ErrRunning means that another process uses the state directory.
var ErrRunning = errors.New("an agent is already running with this state directory")

// An Error refuses a state directory that is not the agent's own.
type Error struct {
	Path    string
	Reason  string
	Foreign bool // it belongs to another user
}

func (e *Error) Error() string { return "state directory " + e.Path + ": " + e.Reason }

// A Dir is the agent's own folder, locked for this process by [Open].
type Dir struct {
	path string
	lock *lockfile.Lock // nil: not locked
}

// Open makes the folder if it is missing, checks that nobody else can enter it, and
// takes its lock. It fails with [ErrRunning], or an [*Error].
func Open(path string) (*Dir, error) {
	if err := makePrivate(path); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	if err := Check(path); err != nil {
		return nil, err
	}
	lock, err := lockfile.Acquire(filepath.Join(path, LockFile))
	switch {
	case errors.Is(err, lockfile.ErrLocked):
		return nil, fmt.Errorf("lock state directory %s: %w", path, ErrRunning)
	case err != nil:
		return nil, fmt.Errorf("lock state directory: %w", err)
	}
	s := &Dir{path: path, lock: lock}
	s.sweep()
	return s, nil
}

// At names a state directory that is looked into without its lock: by others than
// its agent, or after that. What is written there then may be lost.
func At(path string) *Dir { return &Dir{path: path} }

// Check judges a folder without making it, or taking its lock. The error may be
// an [*Error], or wrap [fs.ErrNotExist].
func Check(path string) error {
	fi, err := os.Lstat(filepath.Clean(path)) // with a slash at the end, it follows a link
	if err != nil {
		return fmt.Errorf("open state directory: %w", err)
	}
	if !fi.IsDir() {
		return &Error{Path: path, Reason: "it is not a folder"}
	}
	return checkPrivate(path, fi)
}

// sweep removes what a killed process was writing. The lock says that no one
// writes now.
func (s *Dir) sweep() {
	entries, err := os.ReadDir(s.path)
	if err != nil {
		return // the first real read or write will say
	}
	for _, e := range entries {
		if securefile.IsTemp(e.Name()) {
			os.Remove(s.File(e.Name()))
		}
	}
}

// Path returns the folder's path.
func (s *Dir) Path() string { return s.path }

// File returns the path of a file.
func (s *Dir) File(name string) string { return filepath.Join(s.path, name) }

// Read returns a file of at most limit bytes. A larger one is
// [filetrust.ErrTooLarge], a missing one [fs.ErrNotExist].
func (s *Dir) Read(name string, limit int64) ([]byte, error) {
	return filetrust.ReadFile(s.File(name), limit)
}

// Write replaces a file in one step.
func (s *Dir) Write(name string, data []byte) error {
	return securefile.WriteFile(s.File(name), data, 0o600)
}

// Remove removes a file for good. A missing one is no error.
func (s *Dir) Remove(name string) error {
	if err := os.Remove(s.File(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return securefile.SyncDir(s.path)
}

// Close gives up the lock, if there is one.
func (s *Dir) Close() error {
	if s.lock == nil {
		return nil
	}
	return s.lock.Close()
}
