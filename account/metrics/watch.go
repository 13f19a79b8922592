package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"poolcert/account"
)

// Sources are what a scrape asks. Statistics and Counters are needed; the others
// may be nil.
type Sources struct {
	Statistics func(context.Context) (*account.Statistics, error)
	Counters   func() account.Counters

	// AuditFailures is how many lines of the audit log could not be written.
	AuditFailures func() uint64

	// CertificateExpires is when the TLS certificate for clients expires, and how many
	// times a new one could not be loaded.
	CertificateExpires func() time.Time
	ReloadFailures     func() uint64
}

// Watch adds what a scrape asks. Call it once, before the first scrape.
func (m *Metrics) Watch(s Sources) {
	counter := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, value))
	}
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value))
	}
	counter("sealed_total", "Fields that were encrypted for the database.", func() float64 { return float64(s.Counters().Sealed) })
	counter("unsealed_total", "Fields of the database that were opened.", func() float64 { return float64(s.Counters().Unsealed) })
	gauge("long_polls", "Long polls of nodes that are held now.", func() float64 { return float64(s.Counters().Waiting) })
	if s.AuditFailures != nil {
		counter("audit_failures_total", "Lines of the audit log that could not be written.", func() float64 { return float64(s.AuditFailures()) })
	}
	if s.CertificateExpires != nil {
		gauge("tls_certificate_expiry_timestamp_seconds", "When the TLS certificate that clients see expires.", func() float64 { return float64(s.CertificateExpires().Unix()) })
	}
	if s.ReloadFailures != nil {
		counter("tls_reload_failures_total", "Times that a changed TLS certificate could not be loaded.", func() float64 { return float64(s.ReloadFailures()) })
	}
	m.registry.MustRegister(newStatistics(s.Statistics))
}
