package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"poolcert/decrypt/local"
	"poolcert/internal/limit"
)

// checkMetrics refuses an address that others than this node's users may reach.
func (c *Config) checkMetrics() error {
	if c.MetricsListen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.MetricsListen)
	if err != nil {
		return fmt.Errorf("metrics_listen: %w", err)
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf(`metrics_listen: want an address and a port, such as "127.0.0.1:9465"`)
	}
	if !address.IsLoopback() && !c.MetricsPublic {
		return errors.New("metrics_listen: is not a loopback address, so that others could read it: set metrics_public = true if they may")
	}
	return nil
}

// maxScrapers is how many connections there may be for metrics.
const maxScrapers = 32

// A metricsServer serves /metrics, /healthz and /readyz beside the socket. A nil
// one does nothing.
type metricsServer struct {
	listener net.Listener
	server   *http.Server
}

// listenMetrics opens address, which may be empty.
func (l *life) listenMetrics(address string, log *slog.Logger) (*metricsServer, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics_listen: %w", err)
	}
	// Any user of the node may come, and take no files from the agent's own work.
	listener = limit.Listen(listener, limit.Connections{Total: maxScrapers, PerAddress: maxScrapers}, log)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metricsPath, l.serveMetrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := l.ready(); err != nil {
			answerJSON(w, http.StatusServiceUnavailable, &local.Error{Code: "not-ready", Message: err.Error()})
			return
		}
		answerJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	})
	log.Debug("metrics are served", "address", listener.Addr().String())
	return &metricsServer{listener, &http.Server{
		Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// serve serves until ctx ends.
func (m *metricsServer) serve(ctx context.Context) error {
	if m == nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { m.server.Close() })
	defer stop()
	if err := m.server.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

func (m *metricsServer) close() {
	if m != nil {
		m.listener.Close()
	}
}
