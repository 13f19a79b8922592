package metrics

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"poolcert/account"
	"poolcert/batch"
)

const (
	statisticsAge     = 15 * time.Second // what is younger is not read again
	statisticsTimeout = 5 * time.Second  // less than that of a scrape
	maxAccounts       = 1000             // have a value of their own
)

// statistics collects what only the database knows.
type statistics struct {
	read func(context.Context) (*account.Statistics, error)

	up, accounts, pools, certificates, nodes, expired, expiry *prometheus.Desc

	mu   sync.Mutex // also lets one scrape at a time ask
	last *account.Statistics
	at   time.Time
}

func newStatistics(read func(context.Context) (*account.Statistics, error)) *statistics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
	}
	return &statistics{
		read:         read,
		up:           desc("database_up", "Whether the database answered, not longer than 15 s ago."),
		accounts:     desc("accounts", "Accounts."),
		pools:        desc("pools", "Pools of all accounts."),
		certificates: desc("certificates", "Certificates of all accounts by state.", "state"),
		nodes:        desc("nodes", "Nodes of all pools by state.", "state"),
		expired:      desc("certificates_expired", "Certificates that are active and have expired."),
		expiry:       desc("certificate_expiry_timestamp_seconds", "When the next active certificate of the account expires. At most 1000 accounts have one.", "account"),
	}
}

// Describe implements [prometheus.Collector].
func (s *statistics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.up, s.accounts, s.pools, s.certificates, s.nodes, s.expired, s.expiry} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *statistics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	st := s.present()
	if st == nil {
		gauge(s.up, 0)
		return
	}
	gauge(s.up, 1)
	gauge(s.accounts, float64(st.Accounts))
	gauge(s.pools, float64(st.Pools))
	for _, state := range []batch.CertificateState{batch.StateActive, batch.StateDeleting, batch.StateDeleteFailed} {
		gauge(s.certificates, float64(st.Certificates[state]), string(state))
	}
	for _, state := range nodeStates(st) {
		gauge(s.nodes, float64(st.Nodes[state]), string(state))
	}
	gauge(s.expired, float64(st.Expired))
	for _, name := range soonest(st.Expires) {
		gauge(s.expiry, float64(st.Expires[name].Unix()), name)
	}
}

// nodeStates are those that there always are, and others that nodes are in now.
func nodeStates(st *account.Statistics) []batch.NodeState {
	states := []batch.NodeState{batch.NodeStarting, batch.NodeIdle, batch.NodeUnusable, batch.NodeUnknown}
	for state := range st.Nodes {
		if !slices.Contains(states, state) {
			states = append(states, state)
		}
	}
	return states
}

// soonest returns the accounts that have a value.
func soonest(expires map[string]time.Time) []string {
	names := make([]string, 0, len(expires))
	for name := range expires {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if c := expires[a].Compare(expires[b]); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return names[:min(maxAccounts, len(names))]
}

// present returns the statistics, or nil when the database doesn't answer.
func (s *statistics) present() *account.Statistics {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.at.IsZero() && time.Since(s.at) < statisticsAge {
		return s.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), statisticsTimeout)
	defer cancel()
	st, err := s.read(ctx)
	if err != nil { // asked again at the next scrape
		s.last, s.at = nil, time.Time{}
		return nil
	}
	s.last, s.at = st, time.Now()
	return st
}
