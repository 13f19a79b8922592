// Package metrics is the account service as Prometheus sees it.
//
// Make a [Metrics] with [New], hand it to the network sides as an observer, its
// [Metrics.Database] and [Metrics.Installed] to the database and the service, and
// name what can be asked at a scrape in [Metrics.Watch]. [Metrics.Handler] answers
// scrapes.
//
// Promised: no label has a value that a client chooses, but for the names of
// accounts, of which a thousand have a value at most; nothing secret is in any of
// them. The database is asked once in 15 s at most, however many scrape, and a
// database that doesn't answer takes its own metrics away and no others.
//
// docs/operations.md has the list of metrics.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"poolcert/account/request"
)

const namespace = "poolcert"

// Buckets in seconds. The long ones are for long polls, and for nodes that ask at
// long intervals.
var (
	requestBuckets   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	databaseBuckets  = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}
	installedBuckets = []float64{.05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
)

// Metrics are those of one process. Its methods are safe for concurrent use.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	refusals  *prometheus.CounterVec
	database  *prometheus.HistogramVec
	failures  *prometheus.CounterVec
	installed prometheus.Histogram
}

// New returns metrics of a process of that version, with those of Go and of the
// process itself.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "requests_total",
			Help: "Requests by API (batch or node), operation and HTTP status. The operation other is a path that is none.",
		}, []string{"api", "operation", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "request_duration_seconds", Buckets: requestBuckets,
			Help: "Time to answer a request, by API and operation. That of references.wait is mostly the wait.",
		}, []string{"api", "operation"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "authentication_failures_total",
			Help: "Requests that were refused as they didn't prove who made them, by API.",
		}, []string{"api"}),
		database: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "database_transaction_duration_seconds", Buckets: databaseBuckets,
			Help: "Time of a transaction with the wait for its turn, by kind (read or write).",
		}, []string{"kind"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "database_errors_total",
			Help: "Transactions that failed as the database was away, busy or full, by kind (read or write).",
		}, []string{"kind"}),
		installed: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "references_installed_seconds", Buckets: installedBuckets,
			Help: "Time from a change of a pool's references to the report of a node that has installed all of it, for each node that was there.",
		}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; the label is the version of this server.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.registry.MustRegister(m.requests, m.durations, m.refusals, m.database, m.failures, m.installed, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, kind := range []string{read, write} { // 0 is not the same as absent
		m.failures.WithLabelValues(kind)
	}
	for _, api := range []request.API{request.Batch, request.Node} {
		m.refusals.WithLabelValues(string(api))
	}
	return m
}

// Begin implements [request.Observer].
func (m *Metrics) Begin(*request.Call) error { return nil }

// End implements [request.Observer].
func (m *Metrics) End(c *request.Call) {
	operation := c.Operation
	switch {
	case operation != "":
	case c.API == request.Batch && c.Auth == "": // no path was looked at
		operation = "authenticate"
	default:
		operation = "other"
	}
	if c.Unproven || c.Auth == "" && (c.Status == http.StatusUnauthorized || c.Status == http.StatusForbidden) {
		m.refusals.WithLabelValues(string(c.API)).Inc()
	}
	code := "gone" // the client, before its answer
	if c.Status != 0 {
		code = strconv.Itoa(c.Status)
	}
	m.requests.WithLabelValues(string(c.API), operation, code).Inc()
	m.durations.WithLabelValues(string(c.API), operation).Observe(c.Took.Seconds())
}

// Kinds of transactions.
const (
	read  = "read"
	write = "write"
)

// Database returns an observer of transactions. An error is counted if busy says
// that the database is its cause.
func (m *Metrics) Database(busy func(error) bool) func(update bool, took time.Duration, err error) {
	reads, writes := m.database.WithLabelValues(read), m.database.WithLabelValues(write)
	return func(update bool, took time.Duration, err error) {
		kind, times := read, reads
		if update {
			kind, times = write, writes
		}
		times.Observe(took.Seconds())
		if err != nil && busy(err) {
			m.failures.WithLabelValues(kind).Inc()
		}
	}
}

// Installed records that a change of references reached a node.
func (m *Metrics) Installed(after time.Duration) { m.installed.Observe(after.Seconds()) }

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}
