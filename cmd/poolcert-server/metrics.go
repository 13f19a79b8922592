package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"poolcert/internal/cli"
)

// metricsListener is the table [metrics].
type metricsListener struct {
	Listen string `toml:"listen"`
}

const metricsText = `
# Metrics for Prometheus at http://ADDRESS/metrics, with /livez, /healthz and /readyz.
# Without an address there are none. Who can connect to it can read it: keep it on the
# loopback address, or behind a firewall.
# [metrics]
# listen = "127.0.0.1:9464"
`

func (m metricsListener) check(others ...string) error {
	if m.Listen == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(m.Listen); err != nil {
		return cli.Hint(fmt.Errorf("metrics: listen: %q is not an address", m.Listen), "write it as \"127.0.0.1:9464\"")
	}
	for _, other := range others {
		if sameListener(m.Listen, other) {
			return cli.Hint(fmt.Errorf("metrics: listen: %q and %q need the same port", m.Listen, other), "metrics need a port of their own, such as 9464")
		}
	}
	return nil
}

func (m metricsListener) text() string {
	if m.Listen == "" {
		return "off"
	}
	return "http://" + m.Listen + "/metrics"
}

// metricsServer answers scrapes and probes.
func metricsServer(scrapes http.Handler, h *health, log *slog.Logger) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", scrapes)
	for _, path := range probes {
		mux.Handle("GET "+path, h)
	}
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
