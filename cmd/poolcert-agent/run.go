package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"poolcert/agent"
	"poolcert/agent/keptsocket"
	"poolcert/agent/member"
	"poolcert/internal/cli"
	"poolcert/internal/sdnotify"
	"poolcert/internal/svcrun"
)

func newRun(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Keep the pool's certificates on this node until stopped",
		Long: `Keep the pool's certificates on this node until stopped by SIGTERM or SIGINT.
The log goes to the standard error. Installed certificates stay when it ends.

SIGHUP has it read its configuration again. All but log.format and log.file may
change; with a mistake in the file, it goes on with what it has, and says so in its log
and status.

Under systemd it is ready when the first set is installed, or when initial_sync has
passed without one.

On a node that is in no pool it ends with exit code 6, and its unit doesn't start it
again: 'poolcert-agent join' does, if the unit is enabled.`,
		Example: `  poolcert-agent run
  systemctl reload poolcert-agent      # after a change of agent.toml`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{cli.KeepsHangup: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := o.service()
			s.Ended = func(err error) { tellEnd(endHint(err)) }
			err := s.Run(cmd.Context(), func(ctx context.Context, host *svcrun.Host) error {
				err := o.run(ctx, host, cmd.ErrOrStderr())
				if errors.Is(err, member.ErrNotJoined) {
					err = cli.Exit(svcrun.Final(err), cli.ExitNotSetUp) // to start it again and again joins no pool
				}
				return err
			})
			return endHint(err)
		},
	}
}

// endHint is for what svcrun itself refuses.
func endHint(err error) error {
	if errors.Is(err, svcrun.ErrOpenProgram) {
		return serviceHint(err)
	}
	return err
}

// startTime is how long the agent may take to start beside initial_sync: to open
// and install what it remembers.
const startTime = 2 * time.Minute

// run runs the agent and tells the service manager of it.
func (o *options) run(ctx context.Context, host *svcrun.Host, stderr io.Writer) error {
	// One more than cores: the decrypt service keeps one free of private-key
	// operations.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	socket, err := sdnotify.Listener()
	if err != nil {
		return err
	}
	config, err := o.config()
	if err != nil {
		keptsocket.TurnAway(socket)
		return err
	}
	d := &daemon{options: o, host: host, changed: make(chan struct{}, 1)}
	d.level.Set(config.Log.Level)
	log := openLogs(&config.Log, host, stderr, &d.level)
	defer log.close()
	d.log = log.Logger
	if host.Managed {
		d.log.Info("the agent starts", "version", cli.Version())
		defer d.log.Info("the agent has stopped")
	}
	d.agent = agent.New(agent.Options{
		Socket: socket, Config: config, Version: cli.Version(), Log: d.log, Ready: d.setReady, Changed: d.raise,
	})
	sdnotify.Starting(config.InitialSync + startTime)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, sdnotify.Stopping)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() { d.follow(ctx, hangups) })
	group.Go(func() { sdnotify.Watch(ctx, d.log, d.agent.Stalled) })
	err = d.agent.Run(ctx)
	cancel()
	group.Wait()
	return withHint(err)
}

// A daemon is a running agent with what the service manager and signals do to it.
type daemon struct {
	options *options
	host    *svcrun.Host
	agent   *agent.Agent
	log     *slog.Logger
	level   slog.LevelVar
	changed chan struct{}
	ready   atomic.Bool
}

func (d *daemon) setReady() {
	d.ready.Store(true)
	sdnotify.Ready()
	d.host.Ready()
}

func (d *daemon) raise() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// follow passes the agent's condition to the service manager, and reloads the
// configuration at each hangup, until ctx ends.
func (d *daemon) follow(ctx context.Context, hangups <-chan os.Signal) {
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.changed:
		case <-d.host.Resumed:
			d.agent.Resumed()
		case <-d.host.Changed:
			d.reload(ctx)
		case <-hangups:
			if !d.ready.Load() { // the end of a reload would count as that of the start
				d.reload(ctx)
				break
			}
			sdnotify.Reloading()
			d.reload(ctx)
			sdnotify.Ready()
		}
		if text := d.agent.Summary(); text != told {
			sdnotify.Status(text)
			told = text
		}
	}
}

// reload has the agent go on with what the configuration file says now.
func (d *daemon) reload(ctx context.Context) {
	config, err := d.options.config()
	if err == nil {
		err = d.agent.Reload(ctx, config)
	} else {
		d.agent.RefuseReload(err)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		d.log.Error("configuration not reloaded: the one before stays in force", "err", err)
	default:
		d.level.Set(config.Log.Level)
		d.log.Info("configuration reloaded")
	}
}
