package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"

	"github.com/spf13/cobra"

	"poolcert/account/nodeserver"
	"poolcert/internal/cli"
	"poolcert/internal/limit"
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
standard error. SIGTERM or an interrupt ends it within five seconds.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(*dir)
			if err != nil {
				return err
			}
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.Level(cfg.Log)}))
			return explain(serveDir(cmd.Context(), *dir, cfg, o, log), *dir)
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
	PID        int    `json:"pid"`
}

// serveDir opens the data directory and both listeners, and serves until ctx
// ends.
func serveDir(ctx context.Context, dir string, cfg *config, o runOptions, log *slog.Logger) (err error) {
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
	d, err := openData(ctx, dir, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.db.Close()) }()

	tokens, err := cfg.signIn(log)
	if err != nil {
		return err
	}
	clients, err := listenClients(cfg, o, d, log)
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

	scheme := "https"
	if o.insecure {
		scheme = "http"
	}
	at := ready{
		URL:     cfg.urlFor(cfg.URL, scheme, clients.Addr().String()),
		NodeURL: cfg.urlFor(cfg.NodeURL, "https", nodes.Addr().String()),
		Listen:  clients.Addr().String(), NodeListen: nodes.Addr().String(), PID: os.Getpid(),
	}
	service, err := d.service(ctx, cfg, at.NodeURL, log)
	if err != nil {
		return err
	}
	node := nodeserver.New(nodeserver.Config{
		Service: service, CA: d.ca.Certificate(), Certificate: d.ca.ServerCertificate(cfg.certificateHosts()), Log: log,
	})
	s := server{service: service, clients: clientServer(service, cfg, tokens, o, log), node: node, log: log}
	if o.readyFile != "" {
		if err := writeReady(o.readyFile, at); err != nil {
			return err
		}
		defer os.Remove(o.readyFile)
	}
	log.Info("listening", "url", at.URL, "node_url", at.NodeURL, "listen", at.Listen, "node_listen", at.NodeListen, "version", cli.Version())
	return s.run(ctx, clients, tls.NewListener(nodes, node.TLSConfig()))
}

func listenClients(cfg *config, o runOptions, d *data, log *slog.Logger) (net.Listener, error) {
	config, err := clientTLS(cfg, d)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l = limit.Listen(l, cfg.Limits.clientConnections(), log)
	if !o.insecure {
		return tls.NewListener(l, config), nil
	}
	if addr, ok := l.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
		l.Close()
		return nil, cli.Hint(cli.Usagef("--insecure-http: %s is not a loopback address", cfg.Listen), "set listen to \"127.0.0.1:PORT\", or use TLS")
	}
	return l, nil
}

// clientTLS is for clients, some of which don't speak TLS 1.3 yet.
func clientTLS(cfg *config, d *data) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	if cfg.TLSCert == "" {
		config.GetCertificate = d.ca.ServerCertificate(cfg.certificateHosts())
		return config, nil
	}
	cert, err := tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("load tls_cert: %w", err)
	}
	config.Certificates = []tls.Certificate{cert}
	return config, nil
}

func writeReady(path string, at ready) error {
	data, err := json.MarshalIndent(at, "", "  ")
	if err != nil {
		return err
	}
	return securefile.WriteFile(path, append(data, '\n'), 0o644)
}
