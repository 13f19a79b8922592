package agent

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"poolcert/agent/hook"
	"poolcert/batch"
	"poolcert/internal/exposition"
)

// uses counts what local callers tried, by operation and result. It is safe for
// concurrent use.
type uses struct {
	unrecorded atomic.Uint64 // that the audit file did not take

	mu sync.Mutex
	of map[[2]string]int
}

// count counts one use. Both words are of a small fixed set.
func (u *uses) count(operation, result string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = make(map[[2]string]int)
	}
	u.of[[2]string{operation, result}]++
}

// fromZero are what alerts and rates watch. Prometheus sees no rise of a counter that
// is not there before its first event.
var fromZero = [][2]string{
	{"decrypt", "ok"}, {"decrypt", "too-many-failures"},
	{"unwrap", "ok"}, {"unwrap", "too-many-failures"},
}

func (u *uses) samples() []exposition.Sample {
	u.mu.Lock()
	defer u.mu.Unlock()
	counts := make(map[[2]string]int)
	for _, k := range fromZero {
		counts[k] = 0
	}
	maps.Copy(counts, u.of)
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	var samples []exposition.Sample
	for _, k := range keys {
		samples = append(samples, exposition.Sample{Labels: []string{"operation", k[0], "result", k[1]}, Value: float64(counts[k])})
	}
	return samples
}

// metricsPage shows a status as metrics. docs/agent.md has the table.
func metricsPage(s *Status, uses *uses) string {
	const prefix = "poolcert_agent_"
	p := &exposition.Page{}
	one := func(labels ...string) exposition.Sample { return exposition.Sample{Labels: labels, Value: 1} }
	p.Family(prefix+"info", exposition.Gauge, "The agent's version.", one("version", s.Version))
	p.Value(prefix+"start_time_seconds", exposition.Gauge, "When the agent's process started, in seconds since 1970.", exposition.Seconds(s.Started))
	p.Value(prefix+"healthy", exposition.Gauge, "Whether nothing is wrong: what the exit code of the status command says.", exposition.Bool(s.Healthy))
	p.Value(prefix+"connected", exposition.Gauge, "Whether the last poll of the source was answered.", exposition.Bool(s.ConnectedSince != nil))
	p.Value(prefix+"last_success_time_seconds", exposition.Gauge, "When a poll was answered last, in seconds since 1970; 0 for never.", seconds(s.LastContact))
	p.Value(prefix+"poll_failures_total", exposition.Counter, "Polls that were not answered, each followed by a retry.", float64(s.Failures))
	if !s.NodeCertificateExpires.IsZero() {
		p.Value(prefix+"node_certificate_expiry_time_seconds", exposition.Gauge, "When the node's own certificate ends, in seconds since 1970.", exposition.Seconds(s.NodeCertificateExpires))
	}
	if s.Revision != "" {
		p.Family(prefix+"set_info", exposition.Gauge, "The revision of the set that is installed.", one("revision", s.Revision))
	}
	p.Value(prefix+"repairs_total", exposition.Counter, "Installed files that had drifted and were mended.", float64(s.Repairs.Count))

	states := map[batch.NodeCertificateState]int{batch.NodeInstalled: 0, batch.NodeFailed: 0, batch.NodeDelivering: 0}
	var installed, expiry []exposition.Sample
	for _, c := range s.Certificates {
		if c.State == batch.NodeRemoved {
			continue // it may be shown for a while, and is nothing to watch
		}
		states[c.State]++
		label := []string{"thumbprint", c.Thumbprint.String()}
		installed = append(installed, exposition.Sample{Labels: label, Value: exposition.Bool(c.State == batch.NodeInstalled)})
		if c.Expires != nil {
			expiry = append(expiry, exposition.Sample{Labels: label, Value: exposition.Seconds(*c.Expires)})
		}
	}
	var counts []exposition.Sample
	for _, state := range slices.Sorted(maps.Keys(states)) {
		counts = append(counts, exposition.Sample{Labels: []string{"state", string(state)}, Value: float64(states[state])})
	}
	p.Family(prefix+"certificates", exposition.Gauge, "Certificates that the node has to have, by state.", counts...)
	p.Family(prefix+"certificate_installed", exposition.Gauge, "Whether a certificate is installed as wanted.", installed...)
	p.Family(prefix+"certificate_expiry_time_seconds", exposition.Gauge, "When a certificate ends, in seconds since 1970.", expiry...)

	var runs, healthy []exposition.Sample
	for _, h := range s.Hooks {
		runs = append(runs,
			exposition.Sample{Labels: []string{"hook", h.Name, "result", "ok"}, Value: float64(h.Runs - h.Failures)},
			exposition.Sample{Labels: []string{"hook", h.Name, "result", "failed"}, Value: float64(h.Failures)})
		healthy = append(healthy, exposition.Sample{Labels: []string{"hook", h.Name}, Value: exposition.Bool(h.State != hook.Retrying && h.State != hook.GaveUp)})
	}
	p.Family(prefix+"hook_runs_total", exposition.Counter, "Runs of a hook that have ended, by result.", runs...)
	p.Family(prefix+"hook_healthy", exposition.Gauge, "Whether the last run of a hook went well.", healthy...)
	p.Family(prefix+"decrypts_total", exposition.Counter, "Uses of private keys that local callers tried, by operation and result.", uses.samples()...)
	p.Value(prefix+"audit_failures_total", exposition.Counter, "Uses that the audit file did not take; they are in the log.", float64(uses.unrecorded.Load()))
	return p.String()
}

func seconds(t *time.Time) float64 {
	if t == nil {
		return 0
	}
	return exposition.Seconds(*t)
}
