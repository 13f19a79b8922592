// Package agent is the node's part of poolcert: it keeps the certificates that the
// node's pool refers to installed, and lets tasks use their keys.
//
// Call [Join] once with a join token; then [New] and [Agent.Run], which blocks.
// [QueryStatus] asks a running agent how it is, [StoppedStatus] tells what is
// known without one.
//
// Promises. The node has the old set or the new set of certificates, never a
// mix. With the service gone it keeps what it has, also over restarts and
// reboots, and comes back by itself. Only the service's own word that the node is
// evicted takes its certificates away. A certificate that fails holds up no
// other. Nothing is reported as removed while a copy of it is left on the node.
//
// Do not run two agents with one state directory: the second one fails. Do not
// copy a state directory to another node.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"poolcert/batch"
	"poolcert/store"
)

// Options are what an [Agent] needs.
type Options struct {
	Config  *Config
	Version string // of the program, for status and reports
	Log     *slog.Logger

	// Ready, if not nil, is called once, when the first set is installed:
	// the last-known-good one, or one from the service.
	Ready func()
}

// An Agent is a node's agent.
type Agent struct {
	config  *Config
	version string
	log     *slog.Logger
	ready   func()
}

// New returns an agent. It starts and opens nothing.
func New(opts Options) *Agent {
	a := &Agent{config: opts.Config, version: opts.Version, log: opts.Log, ready: opts.Ready}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.ready == nil {
		a.ready = func() {}
	}
	return a
}

// Run is the agent's life. It returns nil soon after ctx ended, with all that it
// started ended, and an error if it cannot start: [ErrNotJoined], [ErrRunning],
// [store.ErrInUse] when another agent installs into the same directory, or a
// folder or socket that cannot be used. The installed certificates stay when it
// ends.
//
// To stop, everything ends at once: the poll is given up, an install that has
// not reached its swap leaves the old set, local callers that are being served
// are served for some seconds, and last the locks of both directories are freed.
func (a *Agent) Run(ctx context.Context) error {
	memory := a.lockMemory() // before there are keys
	state, err := openStateDir(a.config.StateDir)
	if err != nil {
		return err
	}
	defer state.Close()
	id, err := LoadIdentity(a.config.StateDir)
	if err != nil {
		return err
	}
	certificates, lock, err := a.openStore()
	if err != nil {
		return err
	}
	defer lock.Close()
	source := newService(id, state.saveIdentity)
	defer source.close()
	record := newRecord()
	record.memory = memory
	socket, err := a.listen(source, record, certificates)
	if err != nil {
		return err
	}
	return a.run(ctx, &parts{source, certificates, newVault(state, id), record, socket.serve})
}

// parts are what run puts together.
type parts struct {
	source source
	store  store.Store
	vault  *vault
	record *record
	serve  func(context.Context) error // local callers
}

func (a *Agent) run(ctx context.Context, p *parts) error {
	wants := newLatest[want]()
	reconciler := &reconciler{
		source: p.source, store: p.store, vault: p.vault, wants: wants, record: p.record, log: a.log,
		held: make(map[batch.Thumbprint]*holding),
	}
	p.record.ready = sync.OnceFunc(a.ready)

	group, ctx := errgroup.WithContext(ctx)
	// A local caller that comes before the restored set is there waits in line.
	revision := reconciler.restore(ctx)
	follower := &follower{
		source: p.source, wait: a.config.Wait, jitter: a.config.InitialJitter, log: a.log,
		wants: wants, contact: p.record.contact, revision: revision,
	}
	reporter := &reporter{p.source, p.record, a.version, a.log}
	group.Go(func() error { return p.serve(ctx) })
	group.Go(func() error { follower.run(ctx); return nil })
	group.Go(func() error { reconciler.run(ctx); return nil })
	group.Go(func() error { reporter.run(ctx); return nil })
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// openStore locks and opens the certificates' directory for the configured owners.
func (a *Agent) openStore() (store.Store, io.Closer, error) {
	if err := makePassable(filepath.Dir(a.config.CertificatesDir)); err != nil {
		return nil, nil, fmt.Errorf("make certificates directory: %w", err)
	}
	lock, err := store.LockDir(a.config.CertificatesDir)
	if err != nil {
		return nil, nil, err
	}
	dir, err := store.OpenDir(store.DirOptions{Root: a.config.CertificatesDir, Keyless: a.config.keyless()})
	if err != nil {
		lock.Close()
		return nil, nil, err
	}
	return &ownedStore{dir, a.config}, lock, nil
}
