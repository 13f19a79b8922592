package svcrun

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

func (s *Service) controlWith(ctx context.Context, m manager, verb string) error {
	if verb == "reload" {
		return m.reload(s.Name)
	}
	if verb == "stop" || verb == "restart" {
		if err := s.stopWith(ctx, m); err != nil {
			return err
		}
	}
	if verb == "start" || verb == "restart" {
		return s.startWith(ctx, m)
	}
	return nil
}

// How long a service may take, and how often it is looked at.
const (
	startLimit = time.Minute
	stopLimit  = 30 * time.Second
	lookPause  = 100 * time.Millisecond
)

// startWith starts the service if it does not run.
func (s *Service) startWith(ctx context.Context, m manager) error {
	if now, _, err := m.state(s.Name); err != nil || now == running {
		return err
	}
	if err := m.start(s.Name); err != nil {
		return err
	}
	now, exit, err := s.await(ctx, m, startLimit, running, stopped)
	if err == nil && now == stopped {
		return fmt.Errorf("%w, with code %d", ErrFailed, exit)
	}
	return err
}

// stopWith stops the service if it runs.
func (s *Service) stopWith(ctx context.Context, m manager) error {
	now, _, err := m.state(s.Name)
	if err != nil || now == stopped {
		return err
	}
	err = m.stop(s.Name)
	if errors.Is(err, errNotNow) { // or it stops already
		if now, _, err = s.await(ctx, m, startLimit, running, stopped); err != nil || now == stopped {
			return err
		}
		err = m.stop(s.Name)
	}
	if err != nil {
		return err
	}
	_, _, err = s.await(ctx, m, stopLimit, stopped)
	return err
}

// await looks at the service until it is in one of states.
func (s *Service) await(ctx context.Context, m manager, limit time.Duration, states ...state) (state, uint32, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w after %v", ErrSlow, limit))
	defer cancel()
	tick := time.NewTicker(lookPause)
	defer tick.Stop()
	for {
		now, exit, err := m.state(s.Name)
		if err != nil || slices.Contains(states, now) {
			return now, exit, err
		}
		select {
		case <-ctx.Done():
			return now, 0, context.Cause(ctx)
		case <-tick.C:
		}
	}
}
