package main

import (
	"testing"
	"time"

	"poolcert/batch"
)

func TestUse(t *testing.T) {
	used := func(ago time.Duration) *batch.Time { return &batch.Time{Time: time.Now().Add(-ago - time.Second)} }
	const day = 24 * time.Hour
	for want, pools := range map[string][]*batch.CertificatePool{
		"safe to retire: no use is known": {},
		"safe to retire: last used 12 days ago by pool b": {
			{PoolID: "a", LastUsed: used(40 * day)}, {PoolID: "b", Refers: true, Nodes: 2, Installed: 2, LastUsed: used(12 * day), LastUsedNode: "n"},
		},
		"in use: last used 3 minutes ago by pool b, node n": {
			{PoolID: "a", LastUsed: used(day)}, {PoolID: "b", KeyInFiles: 2, LastUsed: used(3 * time.Minute), LastUsedNode: "n"},
		},
		"in use: last used 6 days ago by pool a":                                                                         {{PoolID: "a", LastUsed: used(7*day - time.Hour)}},
		"not known: 2 nodes have the key in files, whose use nobody sees; through agents, no use is known":               {{PoolID: "a", KeyInFiles: 1}, {PoolID: "b", KeyInFiles: 1}},
		"not known: 1 node has the key in files, whose use nobody sees; through agents, last used 12 days ago by pool a": {{PoolID: "a", KeyInFiles: 1, LastUsed: used(12 * day)}},
		"not used yet, as far as agents have told":                                                                       {{PoolID: "a", Refers: true, Nodes: 1, Installed: 1}},
	} {
		p := placement{pools: pools}
		if got := p.use(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 minutes ago", time.Minute: "1 minute ago", 119 * time.Minute: "119 minutes ago", 2 * time.Hour: "2 hours ago", 49 * time.Hour: "2 days ago",
	} {
		if got := timeAgo(d); got != want {
			t.Errorf("timeAgo(%v) = %q, want %q", d, got, want)
		}
	}
}
