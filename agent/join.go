package agent

import (
	"context"
	"errors"
	"fmt"
	"os"

	"poolcert/agent/lastgood"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/internal/nodeapi"
)

// ErrJoined means that the node is already a member of a pool.
var ErrJoined = errors.New("this node has already joined a pool")

// JoinOptions say how to join.
type JoinOptions struct {
	StateDir        string
	CertificatesDir string // is emptied when a membership is given up
	NodeName        string // what the node calls itself; empty: its host name
	Force           bool   // give up the membership that the node has

	// Warn, if not nil, is told why the node that this was before could not leave
	// its pool: a [*StayedError], or [member.ErrIdentity] when it is not known which.
	Warn func(error)
}

// Join makes this node a member of the token's pool, and stores its new identity.
//
// It fails with [ErrJoined] when the node is a member already, as far as is known, and Force
// is not set; [member.ErrIdentity] when that cannot be read; [statedir.ErrRunning] while an
// agent runs; [member.ErrCA] when the server is not the one that the token names; and a
// [*nodeapi.Error] when the service refuses. A failed Join changes nothing. Joining again
// after a crash, with the same token, gives the same node: the keys are stored before they
// are sent. A membership that is given up ends after the new one has begun: its certificates
// are removed, and the service is told.
func Join(ctx context.Context, token *nodeapi.Token, opts JoinOptions) (*member.Identity, error) {
	id, err := join(ctx, token, opts)
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	return id, nil
}

func join(ctx context.Context, token *nodeapi.Token, opts JoinOptions) (*member.Identity, error) {
	name := opts.NodeName
	if name == "" {
		var err error
		if name, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("find the host's name: %w", err)
		}
	}
	state, err := statedir.Open(opts.StateDir)
	if err != nil {
		return nil, err
	}
	defer state.Close()

	old, err := formerIdentity(ctx, opts)
	if err != nil {
		return nil, err
	}
	keys, err := member.JoiningKeys(state, token)
	if err != nil {
		return nil, err
	}
	if old.unknown {
		keys, name = old.id.Keys(), old.id.Name() // what it holds may stay
	}
	id, err := member.Enroll(ctx, token, keys, name)
	if err != nil {
		return nil, err
	}
	if err := id.Save(state); err != nil {
		return nil, err
	}
	// Another node's set does not open any more; and a next join makes new keys.
	gone := []string{statedir.JoiningFile, statedir.ContactFile, statedir.EvictedFile}
	if !old.unknown || !id.IsNode(old.id) {
		gone = append(gone, statedir.LastGoodFile)
	}
	for _, name := range gone {
		if err := state.Remove(name); err != nil {
			return nil, fmt.Errorf("joined, but cannot clean up: %w", err)
		}
	}
	if err := old.giveUp(ctx, id, state, opts.CertificatesDir); err != nil && opts.Warn != nil {
		opts.Warn(err)
	}
	return id, nil
}

// A former is what this node was before it joins.
type former struct {
	id      *member.Identity // nil: none, or err
	err     error            // why it is not known
	evicted bool             // the service knows it no more
	unknown bool             // and has not evicted it: it may come back as the same node
}

// formerIdentity returns the membership that a join may give up.
func formerIdentity(ctx context.Context, opts JoinOptions) (*former, error) {
	id, err := member.Load(opts.StateDir)
	switch {
	case errors.Is(err, member.ErrNotJoined):
		return &former{}, nil
	case err != nil && opts.Force:
		return &former{err: err}, nil
	case err != nil:
		return nil, err
	}
	f := &former{id: id, evicted: lastgood.WasEvicted(opts.StateDir, id)}
	if !f.evicted && !opts.Force {
		// Perhaps no agent ran since.
		err := id.Standing(ctx)
		f.evicted, f.unknown = member.IsRevoked(err), member.IsUnknown(err)
	}
	if !f.evicted && !f.unknown && !opts.Force {
		return nil, fmt.Errorf("%w: it is node %s of pool %s of account %s", ErrJoined, id.Node, id.Pool, id.Account)
	}
	return f, nil
}

// giveUp ends the former membership, now that the node is next. The certificates
// go first, since the account forgets what the node holds.
func (f *former) giveUp(ctx context.Context, next *member.Identity, state *statedir.Dir, certificatesDir string) error {
	if f.id == nil && f.err == nil || f.id != nil && f.id.Keys().Equal(next.Keys()) {
		return nil // there was none, or it is the same node
	}
	err := clearStores(ctx, state, certificatesDir)
	switch {
	case f.id == nil:
		return errors.Join(f.err, err)
	case err != nil:
		return stayed(f.id, err)
	case f.evicted:
		return nil
	}
	return signOff(ctx, f.id)
}
