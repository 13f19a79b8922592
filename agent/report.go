package agent

import (
	"context"
	"log/slog"
	"time"

	"poolcert/agent/member"
	"poolcert/agent/pace"
	"poolcert/internal/nodeapi"
)

// A reporter tells the service what the node has: when that changes, and at
// least every nodeapi.StatusInterval. Without contact it waits for the follower
// to have it again.
type reporter struct {
	member  membership
	record  *record
	version string
	log     *slog.Logger
}

// run returns when ctx ends.
func (r *reporter) run(ctx context.Context) {
	var failures pace.Retry
	// The jitter keeps nodes apart that were started, or changed, together.
	next := time.NewTimer(nodeapi.StatusInterval)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.record.changed:
		case <-next.C:
		}
		next.Reset(nodeapi.StatusInterval - pace.Jitter(nodeapi.StatusInterval/10))
		status := r.record.report(r.version)
		if status == nil || !r.record.hasContact() {
			continue
		}
		err := r.member.Report(ctx, status)
		switch {
		case err == nil:
			failures.Reset()
		case ctx.Err() != nil:
			return
		case member.IsRevoked(err): // the follower hears it too, and acts
		default:
			wait := failures.Next(err)
			r.log.Warn("status not reported", "err", err, "wait", wait)
			next.Reset(wait)
		}
	}
}
