package agent

import (
	"context"
	"log/slog"
	"time"

	"poolcert/agent/directory"
	"poolcert/agent/member"
	"poolcert/agent/offline"
	"poolcert/agent/statedir"
)

// An origin is the configured source, with what the agent has to know of it.
type origin struct {
	source
	member   membership              // nil: the source does not know its nodes
	identity func() *member.Identity // returns nil without a membership
	retryCap time.Duration           // of the waits after failures; 0: pace.Cap
	interval time.Duration           // between polls; 0: the source holds them
	close    func()

	// watch calls told, which asks the source, when the source may have changed, until
	// ctx ends. nil: the source tells by itself.
	watch func(ctx context.Context, log *slog.Logger, told func(context.Context))
}

// openOrigin fails with member.ErrNotJoined when the source is the service and the node
// is no member.
func (a *Agent) openOrigin(state *statedir.Dir) (*origin, error) {
	c := a.config
	if c.Source == SourceDirectory {
		d := directory.New(c.Directory.Path)
		return &origin{
			source: d, identity: func() *member.Identity { return nil },
			watch:    d.Watch,
			interval: directory.Interval, retryCap: directory.Interval, close: func() {},
		}, nil
	}
	id, err := member.Load(c.StateDir)
	if err != nil {
		return nil, err
	}
	s := member.NewService(id, state, c.Server, c.JoinTokenFile)
	return &origin{source: s, member: s, identity: s.Identity, interval: c.PollInterval, close: s.Close}, nil
}

// describe adds to s what belongs to the source.
func (a *Agent) describe(s *Status, o *offline.Counter) {
	s.Source = a.config.Source
	if a.config.Source == SourceDirectory {
		s.Directory = a.config.Directory.Path
	} else if a.config.Server != "" {
		s.Server = a.config.Server
	}
	s.Offline = o.Text()
	if t := o.LastContact(); s.LastContact == nil && !t.IsZero() {
		s.LastContact = &t
	}
}
