package agent

import (
	"context"
	"errors"
	"fmt"

	"poolcert/agent/keptsocket"
)

// A reload asks a running agent to go on with another configuration.
type reload struct {
	config *Config
	done   chan error
}

// Reload has a running agent go on with config, and returns when it does. All may
// change; installed certificates stay, and callers of the socket wait for a
// moment. When the agent cannot start with config, it goes on with the one it has,
// and the error says why.
func (a *Agent) Reload(ctx context.Context, config *Config) error {
	r := reload{config, make(chan error, 1)}
	select {
	case a.control.reloads <- r:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RefuseReload notes that the configuration was changed, but cannot be used. The
// status tells so until a reload succeeds.
func (a *Agent) RefuseReload(err error) { a.control.record.setRefused(err) }

// Run is the agent's life. It returns nil soon after ctx ended, with all that it
// started ended, and an error if it cannot start: [member.ErrNotJoined],
// [statedir.ErrRunning], [store.ErrInUse] when another agent installs into the same
// directory, [keptsocket.ErrGiven], or a folder or socket that cannot be used. The installed
// certificates stay when it ends. It may be called once.
//
// To stop, everything ends at once: the poll is given up, an install that has
// not reached its swap leaves the old set, local callers that are being served
// are served for some seconds, and last the locks of both directories are freed.
func (a *Agent) Run(ctx context.Context) (err error) {
	defer func() { a.control.socket.Close(err) }()
	if a.given != nil {
		if err := a.control.socket.Adopt(a.given, a.config.Socket, a.log); err != nil {
			keptsocket.TurnAway(a.given)
			return errors.Join(err, a.given.Close())
		}
	}
	config, before := a.config, a.config
	var asked *reload
	for {
		one := *a
		one.config = config
		next, err := one.until(ctx, a.control.reloads, func() {
			if asked != nil {
				a.control.record.setRefused(nil)
				asked.done <- nil
				asked = nil
			}
		})
		switch {
		case next != nil: // live ended for it
			asked, before, config = next, config, next.config
		case asked != nil && ctx.Err() == nil: // it could not begin
			err = fmt.Errorf("go on with the new configuration: %w", err)
			a.control.record.setRefused(err)
			asked.done <- err
			asked, config = nil, before
		default:
			if asked != nil {
				asked.done <- context.Cause(ctx)
			}
			return err
		}
	}
}

// until lives until it fails, ctx ends, or a reload is asked for, which it returns.
// It calls began when it has all that it needs.
func (a *Agent) until(ctx context.Context, reloads <-chan reload, began func()) (*reload, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	begun := make(chan struct{})
	go func() { ended <- a.live(ctx, func() { close(begun) }) }()
	select {
	case err := <-ended:
		return nil, err
	case <-begun:
		began()
	}
	select {
	case err := <-ended:
		return nil, err
	case r := <-reloads:
		end()
		if err := <-ended; err != nil {
			a.log.Warn("the agent did not end well for its new configuration", "err", err)
		}
		return &r, nil
	}
}
