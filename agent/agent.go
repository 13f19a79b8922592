// Package agent is the node's part of poolcert: it keeps the certificates that the
// node's pool refers to installed, and lets tasks use their keys.
//
// Call [Join] once with a join token; then [New] and [Agent.Run], which blocks. A
// node that follows a directory (Config.Source) needs no Join.
// [QueryStatus] asks a running agent how it is, [StoppedStatus] tells what is
// known without one.
//
// Promises. The node has the old set or the new set of certificates, never a
// mix. With its source gone it keeps what it has, also over restarts and
// reboots, and comes back by itself. Only the source's own word takes certificates
// away, that they are not wanted or that the node is evicted; and, if it is
// configured, an end of contact for Config.MaxOffline. A certificate that fails holds up no
// other. Nothing is reported as removed while a copy of it is left on the node.
//
// Do not run two agents with one state directory: the second one fails. Do not
// copy a state directory to another node.
//
// Parts. Here are the loops, and what they hand to each other: the follower asks the source
// what the node has to have, the reconciler brings the store to that, the watcher has it
// repaired, the reporter tells the service, and a record holds what is known for status,
// metrics and reports. Below are the parts that know nothing of each other, or only of those
// before them in this list:
//
//   - statedir: the files that outlive a reboot; pace: when to try again; watch: that
//     something has changed in folders
//   - member: who the node is, and the account service as its source; directory: a folder as
//     its source
//   - lastgood: the sealed set that a reboot brings back; offline: the time without contact
//   - keptsocket: the socket that outlives a reload; homelink: links in homes; hook: programs
//     that are told of changes
//
// Above stands doctor, which looks for what is wrong. Tests of all have a service, folders
// and rights in agenttest.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"poolcert/agent/homelink"
	"poolcert/agent/hook"
	"poolcert/agent/lastgood"
	"poolcert/agent/offline"
	"poolcert/agent/pace"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/bootclock"
	"poolcert/internal/localsock"
	"poolcert/internal/wincrypt"
	"poolcert/store"
)

// Options are what an [Agent] needs.
type Options struct {
	Config  *Config
	Version string // of the program, for status and reports
	Log     *slog.Logger

	// Ready, if not nil, is called when the first set is installed, the
	// last-known-good one or one from the service, or when Config.InitialSync has
	// passed without one; once, and once more after each reload.
	Ready func()

	// Changed, if not nil, is called when [Agent.Summary] may be another one. It
	// must not block.
	Changed func()

	// Socket, if not nil, listens at Config.Socket already, by the service manager's
	// doing. The agent closes it, and leaves its file.
	Socket net.Listener
}

// An Agent is a node's agent.
type Agent struct {
	config  *Config
	version string
	log     *slog.Logger
	ready   func()
	changed func()
	given   net.Listener // nil: none
	control *control
	windows func() (wincrypt.Calls, error) // another one in tests
}

// New returns an agent. It starts and opens nothing.
func New(opts Options) *Agent {
	a := &Agent{config: opts.Config, version: opts.Version, log: opts.Log, ready: opts.Ready, changed: opts.Changed, given: opts.Socket, control: newControl(), windows: wincrypt.System}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.ready == nil {
		a.ready = func() {}
	}
	return a
}

// live is the agent's life with one configuration. It calls began when it has all
// that it needs.
func (a *Agent) live(ctx context.Context, began func()) error {
	memory := a.lockMemory() // before there are keys
	state, err := statedir.Open(a.config.StateDir)
	if err != nil {
		return err
	}
	defer state.Close()
	origin, err := a.openOrigin(state)
	if err != nil {
		return err
	}
	defer origin.close()
	certificates, lock, err := a.openStore()
	if err != nil {
		return err
	}
	defer lock.Close()
	old, err := openOldFolders(state, a.config.folder())
	if err != nil {
		a.log.Error("a certificates directory that is given up later may not be emptied", "err", err)
	}
	record := a.control.record
	record.memory = memory
	offline := offline.New(a.config.offlineLimit(), state, bootclock.System(), a.log)
	status := func() *Status {
		s := record.status(origin.identity(), a.version)
		a.describe(s, offline)
		s.diagnose(record.readiness(a.pollInterval(origin)))
		return s
	}
	hooks := a.hookRunner(state, origin.identity(), record)
	record.attach(a.control.turns, hooks, a.changed, a.config.keyInFiles)
	life := &life{control: a.control, record: record, hooks: hooks, status: status, interval: a.pollInterval(origin)}
	metrics, err := life.listenMetrics(a.config.MetricsListen, a.log)
	if err != nil {
		return err
	}
	defer metrics.close()
	audit, err := openAudit(&a.config.Audit, a.log, &a.control.uses.unrecorded)
	if err != nil {
		return err
	}
	defer audit.close()
	socket, err := a.listen(life, certificates, audit, origin)
	if err != nil {
		return err
	}
	began()
	links := homelink.New(homelink.Options{
		Users: a.config.RemoteUser.Users, Target: filepath.Join(a.config.CertificatesDir, "current", string(batch.RemoteUser)),
		State: state, Interval: a.config.CheckInterval, Tell: record.setLinks, Log: a.log,
	})
	return a.run(ctx, &parts{origin, certificates, lastgood.New(state, origin.identity(), lastgood.Options{Key: a.config.NodeKey, Installs: a.config.installedIn()}), record, offline, hooks, links, metrics, old, socket.serve})
}

// parts are what run puts together.
type parts struct {
	origin  *origin
	store   store.Store
	vault   *lastgood.Vault
	record  *record
	offline *offline.Counter
	hooks   *hook.Runner
	links   *homelink.Keeper
	metrics *metricsServer
	old     *oldFolders
	serve   func(context.Context) error // local callers
}

func (a *Agent) run(ctx context.Context, p *parts) error {
	wants := newLatest[want]()
	reconciler := &reconciler{
		source: p.origin, store: p.store, vault: p.vault, wants: wants, record: p.record, log: a.log,
		local: p.origin.member == nil, offline: p.offline,
		held: make(map[batch.Thumbprint]*holding), checks: a.control.checks, pulse: a.control.reconciler, socket: &a.control.socket, old: p.old, lost: newSignal(),
	}
	p.record.ready = sync.OnceFunc(a.ready)

	group, ctx := errgroup.WithContext(ctx)
	// A local caller that comes before the restored set is there waits in line.
	revision := reconciler.restore(ctx)
	turns := a.control.turns
	follower := &follower{
		source: p.origin, member: p.origin.member, offline: p.offline,
		wait: a.config.Wait, interval: p.origin.interval, retryCap: p.origin.retryCap, jitter: a.config.InitialJitter, log: a.log,
		wants: wants, contact: p.record.contact, revision: revision, turns: turns, pulse: a.control.follower,
	}
	watcher := &watcher{
		folders: foldersOf(p.store), stores: watchOf(p.store), interval: a.config.CheckInterval, check: reconciler.repair, record: p.record, log: a.log, pulse: a.control.watcher,
	}
	if localsock.IsFile {
		watcher.socket = filepath.Clean(a.config.Socket)
	}
	resumer := &resumer{resumed: a.control.resumed, turns: turns, checks: a.control.checks, jitter: a.config.InitialJitter, forget: p.origin.close, log: a.log}
	if p.origin.member != nil {
		reporter := &reporter{p.origin.member, p.record, a.version, a.log}
		group.Go(func() error { reporter.run(ctx); return nil })
	}
	if watch := p.origin.watch; watch != nil {
		group.Go(func() error {
			watch(ctx, a.log, func(ctx context.Context) { turns.ask(ctx) })
			return nil
		})
	}
	group.Go(func() error {
		if pace.Sleep(ctx, a.config.InitialSync) == nil {
			p.record.ready()
		}
		return nil
	})
	group.Go(func() error { p.hooks.Run(ctx); return nil })
	group.Go(func() error { return p.metrics.serve(ctx) })
	group.Go(func() error { return p.serve(ctx) })
	group.Go(func() error { follower.run(ctx); return nil })
	group.Go(func() error { reconciler.run(ctx); return nil })
	group.Go(func() error { watcher.run(ctx); return nil })
	group.Go(func() error { p.links.Run(ctx); return nil })
	group.Go(func() error { resumer.run(ctx); return nil })
	err := group.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
