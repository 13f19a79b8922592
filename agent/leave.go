package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"poolcert/agent/homelink"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/store"
)

// A StayedError means that the account still takes the node for a member, and for
// a holder of its certificates. Evicting it there ends that.
type StayedError struct {
	Account, Pool, Node string
	Err                 error // why it was not told
}

func (e *StayedError) Error() string {
	return fmt.Sprintf("node %s stays in pool %s of account %s: %v", e.Node, e.Pool, e.Account, e.Err)
}

func (e *StayedError) Unwrap() error { return e.Err }

// LeaveOptions say how to leave.
type LeaveOptions struct {
	StateDir        string
	CertificatesDir string // is emptied, with those of former configurations

	// Force forgets the membership also when the service cannot be told, or when
	// the identity cannot be read; Warn, if not nil, gets the cause.
	Force bool
	Warn  func(error)
}

// Leave ends this node's membership: it removes the certificates, has the service
// forget the node, and deletes the identity. It returns the pool that it was in,
// which is nil after a forced leave with an unreadable identity.
//
// It fails with [member.ErrNotJoined], [statedir.ErrRunning] while an agent runs, and a
// [*StayedError] when the service does not answer: then the certificates are
// gone, and the node is still a member.
func Leave(ctx context.Context, opts LeaveOptions) (*member.Identity, error) {
	state, err := statedir.Open(opts.StateDir)
	if err != nil {
		return nil, fmt.Errorf("leave: %w", err)
	}
	defer state.Close()
	id, err := member.Load(opts.StateDir)
	if errors.Is(err, member.ErrNotJoined) || err != nil && !opts.Force {
		return nil, fmt.Errorf("leave: %w", err)
	}
	// The certificates go first, since the account forgets what the node holds.
	if err := clearStores(ctx, state, opts.CertificatesDir); err != nil {
		return nil, fmt.Errorf("leave: %w", err)
	}
	if err == nil {
		err = signOff(ctx, id)
	}
	switch {
	case err != nil && !opts.Force:
		return nil, fmt.Errorf("leave: %w", err)
	case err != nil && opts.Warn != nil:
		opts.Warn(err)
	}
	if err := homelink.Remove(ctx, state); err != nil {
		if !opts.Force {
			return nil, fmt.Errorf("leave: %w", err)
		}
		if opts.Warn != nil {
			opts.Warn(err)
		}
	}
	// The identity is last: until it is gone, leaving can be tried again.
	for _, name := range memberFiles {
		if err := state.Remove(name); err != nil {
			return nil, fmt.Errorf("leave: %w", err)
		}
	}
	return id, nil
}

// memberFiles are all that a membership leaves in the state directory.
var memberFiles = []string{statedir.LastGoodFile, statedir.LastGoodKeyFile, statedir.LastGoodTPMFile, statedir.LastGoodDPAPIFile, statedir.ContactFile, statedir.InstalledFile, statedir.FoldersFile, statedir.EvictedFile, statedir.JoiningFile, statedir.IdentityFile}

// signOff has the service forget the node, or returns a *StayedError.
func signOff(ctx context.Context, id *member.Identity) error {
	if err := id.SignOff(ctx); err != nil {
		return stayed(id, err)
	}
	return nil
}

func stayed(id *member.Identity, err error) error {
	return &StayedError{id.Account, id.Pool, id.Node, err}
}

// clearStore removes all certificates from a directory. One that does not exist
// holds none.
func clearStore(ctx context.Context, dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := store.LockDir(dir)
	if err != nil {
		return fmt.Errorf("remove the certificates: %w", err)
	}
	defer lock.Close()
	certificates, err := store.OpenDir(store.DirOptions{Root: dir, KeepGenerations: -1})
	if err == nil {
		_, err = certificates.Replace(ctx, nil)
	}
	if err != nil {
		return fmt.Errorf("remove the certificates: %w", err)
	}
	return nil
}
