package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"github.com/spf13/cobra"

	"poolcert/account/nodeserver"
	"poolcert/internal/cli"
	"poolcert/internal/limit"
	"poolcert/internal/sdnotify"
	"poolcert/internal/securefile"
)

type runOptions struct {
	insecure  bool
	debugAuth bool
	readyFile string
}

func newRunCommand(dir *string) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the service until SIGTERM",
		Long: `Run the service: the Batch REST API for clients, and the node API. It logs to
standard error. SIGTERM or an interrupt ends it within five seconds. SIGHUP begins a
new audit log, after the old one was moved away, and reads the TLS certificate again.

If root runs it, it acts as the owner of the data directory.`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{cli.KeepsHangup: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := actAsOwner(*dir); err != nil {
				return err
			}
			cfg, err := loadConfig(*dir)
			if err != nil {
				return err
			}
			return explain(serveDir(cmd.Context(), *dir, cfg, o, cmd.ErrOrStderr()), *dir)
		},
	}
	cmd.Flags().BoolVar(&o.insecure, "insecure-http", false, "serve clients without TLS; on a loopback address only")
	cmd.Flags().BoolVar(&o.debugAuth, "debug-auth", false, "tell clients whose signature is wrong what they should have signed")
	cmd.Flags().StringVar(&o.readyFile, "ready-file", "", "write the addresses to this file, as JSON, once the service listens")
	return cmd
}

// ready is what the ready file holds.
type ready struct {
	URL        string `json:"url"`
	NodeURL    string `json:"nodeUrl"`
	Listen     string `json:"listen"`
	NodeListen string `json:"nodeListen"`
	Metrics    string `json:"metrics,omitempty"` // URL
	PID        int    `json:"pid"`
}

// serveDir opens the data directory and both listeners, and serves until ctx
// ends.
func serveDir(ctx context.Context, dir string, cfg *config, o runOptions, stderr io.Writer) (err error) {
	log := cfg.logger(stderr)
	reloads, ignore := hangups()
	defer ignore()
	lock, err := lockData(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if o.readyFile != "" { // of a run before
		if err := os.Remove(o.readyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	instruments, err := cfg.instruments(stderr, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, instruments.close()) }()
	d, err := openData(ctx, dir, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.db.Close()) }()
	instruments.attach(d)

	tokens, err := cfg.signIn(log)
	if err != nil {
		return err
	}
	front, err := openFront(cfg, d, log)
	if err != nil {
		return err
	}
	clients, err := listenClients(cfg, o, front, log)
	if err != nil {
		return err
	}
	defer clients.Close()
	nodes, err := net.Listen("tcp", cfg.NodeListen)
	if err != nil {
		return fmt.Errorf("node_listen: %w", err)
	}
	defer nodes.Close()
	nodes = limit.Listen(nodes, cfg.Limits.nodeConnections(), log)
	l := listeners{clients: clients}
	if instruments.metrics != nil {
		if l.metrics, err = net.Listen("tcp", cfg.Metrics.Listen); err != nil {
			return fmt.Errorf("metrics: listen: %w", err)
		}
		defer l.metrics.Close()
	}

	scheme := "https"
	if o.insecure {
		scheme = "http"
	}
	at := ready{
		URL:     cfg.urlFor(cfg.URL, scheme, clients.Addr().String()),
		NodeURL: cfg.urlFor(cfg.NodeURL, "https", nodes.Addr().String()),
		Listen:  clients.Addr().String(), NodeListen: nodes.Addr().String(), PID: os.Getpid(),
	}
	if l.metrics != nil {
		at.Metrics = "http://" + l.metrics.Addr().String() + "/metrics"
	}
	service, err := d.service(ctx, cfg, at.NodeURL, log)
	if err != nil {
		return err
	}
	node := nodeserver.New(nodeserver.Config{
		Service: service, CA: d.ca.Certificate(), Certificate: d.ca.ServerCertificate(cfg.certificateHosts()),
		Observer: instruments.observer(), Log: log,
	})
	l.nodes = tls.NewListener(nodes, node.TLSConfig())
	h := &health{database: service.Ready, log: log}
	if instruments.audit != nil && cfg.Audit.Required {
		h.auditFailing = instruments.audit.Failing
	}
	s := server{
		service: service, clients: clientServer(service, cfg, tokens, o, h, instruments.observer(), log), node: node,
		health: h, audit: instruments.audit, log: log,
	}
	if !o.insecure {
		s.front = front
	}
	if l.metrics != nil {
		instruments.watch(service, front)
		s.metrics = metricsServer(instruments.metrics.Handler(), h, log)
	}
	if o.readyFile != "" {
		if err := writeReady(o.readyFile, at); err != nil {
			return err
		}
		defer os.Remove(o.readyFile)
	}
	log.Info("listening", "url", at.URL, "node_url", at.NodeURL, "listen", at.Listen, "node_listen", at.NodeListen, "version", cli.Version())
	sdnotify.Status("serving " + at.URL + " and " + at.NodeURL)
	return s.run(ctx, l, reloads)
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

func writeReady(path string, at ready) error {
	data, err := json.MarshalIndent(at, "", "  ")
	if err != nil {
		return err
	}
	return securefile.WriteFile(path, append(data, '\n'), 0o644)
}
