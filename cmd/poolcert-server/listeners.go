package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"

	"poolcert/internal/cli"
	"poolcert/internal/limit"
)

// listeners are where it serves. Those for clients have TLS, unless that is not
// wanted; those for nodes have not, yet.
type listeners struct {
	clients, nodes net.Listener
	metrics        net.Listener // nil: none
}

func listen(cfg *config, o runOptions, front *frontCertificate, log *slog.Logger) (*listeners, error) {
	l := new(listeners)
	var err error
	if l.clients, err = listenClients(cfg, o, front, log); err != nil {
		return nil, err
	}
	if l.nodes, err = net.Listen("tcp", cfg.NodeListen); err != nil {
		l.close()
		return nil, fmt.Errorf("node_listen: %w", err)
	}
	l.nodes = limit.Listen(l.nodes, cfg.Limits.nodeConnections(), log)
	if cfg.Metrics.Listen == "" {
		return l, nil
	}
	if l.metrics, err = net.Listen("tcp", cfg.Metrics.Listen); err != nil {
		l.close()
		return nil, fmt.Errorf("metrics: listen: %w", err)
	}
	return l, nil
}

func listenClients(cfg *config, o runOptions, front *frontCertificate, log *slog.Logger) (net.Listener, error) {
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l = limit.Listen(l, cfg.Limits.clientConnections(), log)
	if !o.insecure {
		return tls.NewListener(l, front.config()), nil
	}
	if addr, ok := l.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
		l.Close()
		return nil, cli.Hint(cli.Usagef("--insecure-http: %s is not a loopback address", cfg.Listen), "set listen to \"127.0.0.1:PORT\", or use TLS")
	}
	return l, nil
}

// close closes what is open; a server may have closed it before.
func (l *listeners) close() {
	for _, each := range []net.Listener{l.clients, l.nodes, l.metrics} {
		if each != nil {
			each.Close()
		}
	}
}
