package account

import (
	"context"
	"time"

	"poolcert/account/request"
)

// Events are what a service tells to who counts or records. The functions may be
// nil; they are called by many goroutines, and must return at once.
type Events struct {
	// Installed hears how long a change of a pool's references took, from its commit
	// to the first report of a node that says that all of it is installed. Nodes that
	// were away when it happened, or joined since, don't count. The time of the change
	// is in the database, so that restarts and other replicas make no difference,
	// beside that of their clocks; it is unknown where, since then, something else of
	// the pool was changed and the service has started anew.
	Installed func(after time.Duration)

	// Act hears of what the service does by itself, and not for a request: it ends a
	// deletion or an overlap, or takes out a node.
	Act func(context.Context, *request.Call)
}

// act tells of what the service did by itself.
func (s *Service) act(ctx context.Context, c *request.Call) {
	if s.events.Act == nil {
		return
	}
	c.Audited, c.Auth, c.Began = true, request.Service, time.Now()
	s.events.Act(ctx, c)
}
