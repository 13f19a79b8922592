package main

import (
	"fmt"
	"time"

	"poolcert/batch"
	"poolcert/internal/cli"
)

// unusedAfter is how long nobody may have used a certificate's key, for people to
// hear that it is safe to retire.
const unusedAfter = 7 * 24 * time.Hour

// use is one line on whether the certificate is still in use.
func (p *placement) use() string {
	var (
		last                   *batch.CertificatePool
		keyInFiles, held, refs int
	)
	for _, pool := range p.pools {
		if pool.LastUsed != nil && (last == nil || pool.LastUsed.After(last.LastUsed.Time)) {
			last = pool
		}
		keyInFiles += pool.KeyInFiles
		held += pool.Installed + pool.Delivering
		if pool.Refers {
			refs++
		}
	}
	when := "no use is known"
	if last != nil {
		when = fmt.Sprintf("last used %s by pool %s", timeAgo(time.Since(last.LastUsed.Time)), cli.Text(last.PoolID))
	}
	switch {
	case last != nil && time.Since(last.LastUsed.Time) < unusedAfter:
		if last.LastUsedNode != "" {
			when += ", node " + cli.Text(last.LastUsedNode)
		}
		return "in use: " + when
	case keyInFiles > 0:
		has := "have"
		if keyInFiles == 1 {
			has = "has"
		}
		return fmt.Sprintf("not known: %s %s the key in files, whose use nobody sees; through agents, %s", countNodes(keyInFiles), has, when)
	case last != nil || held+refs == 0:
		return "safe to retire: " + when
	}
	return "not used yet, as far as agents have told"
}

// timeAgo is in words.
func timeAgo(d time.Duration) string {
	n, unit := max(0, int(d/time.Minute)), "minute"
	switch {
	case d >= 48*time.Hour:
		n, unit = int(d/(24*time.Hour)), "day"
	case d >= 2*time.Hour:
		n, unit = int(d/time.Hour), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s ago", n, unit)
}
