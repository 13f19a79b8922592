package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"poolcert/account/nodeserver"
	"poolcert/internal/cli"
	"poolcert/internal/sdnotify"
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

If root runs it, it acts as the owner of the data directory. Without a data directory
it ends with exit code 6, and its unit doesn't start it again.`,
		Example: `  poolcert-server run
  poolcert-server run --dir /tmp/try 2>server.log &`,
		Args:        cobra.NoArgs,
		Annotations: map[string]string{cli.KeepsHangup: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := actAsOwner(*dir); err != nil {
				return err
			}
			cfg, err := loadConfig(*dir)
			if errors.Is(err, errNoData) {
				return cli.Exit(err, cli.ExitNotSetUp) // its unit is not to try again and again
			}
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

// serveDir opens the data directory and the listeners, and serves until ctx ends.
func serveDir(ctx context.Context, dir string, cfg *config, o runOptions, stderr io.Writer) (err error) {
	log := cfg.logger(stderr)
	reloads, ignore := hangups()
	defer ignore()
	lock, err := lockData(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := removeReady(o.readyFile); err != nil {
		return err
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
	front, err := openFront(cfg, d, log)
	if err != nil {
		return err
	}
	l, err := listen(cfg, o, front, log)
	if err != nil {
		return err
	}
	defer l.close()
	at := readyAt(cfg, o, l)
	s, err := newServer(ctx, cfg, o, d, at.NodeURL, instruments, front, log)
	if err != nil {
		return err
	}
	if err := at.write(o.readyFile); err != nil {
		return err
	}
	defer removeReady(o.readyFile)
	log.Info("listening", "url", at.URL, "node_url", at.NodeURL, "listen", at.Listen, "node_listen", at.NodeListen, "version", cli.Version())
	sdnotify.Status("serving " + at.URL + " and " + at.NodeURL)
	return s.run(ctx, l, reloads)
}

// newServer puts the parts together. It starts nothing.
func newServer(ctx context.Context, cfg *config, o runOptions, d *data, nodeURL string, i *instruments, front *frontCertificate, log *slog.Logger) (*server, error) {
	tokens, err := cfg.signIn(log)
	if err != nil {
		return nil, err
	}
	service, err := d.service(ctx, cfg, nodeURL, log)
	if err != nil {
		return nil, err
	}
	h := &health{database: service.Ready, log: log}
	if i.audit != nil && cfg.Audit.Required {
		h.auditFailing = i.audit.Failing
	}
	s := &server{
		service: service,
		clients: clientServer(service, cfg, tokens, o, h, i.observer(), log),
		node: nodeserver.New(nodeserver.Config{
			Service: service, CA: d.ca.Certificate(), Certificate: d.ca.ServerCertificate(cfg.certificateHosts()),
			Observer: i.observer(), Log: log,
		}),
		health: h, audit: i.audit, log: log,
	}
	if !o.insecure {
		s.front = front
	}
	if i.metrics != nil {
		i.watch(service, front)
		s.metrics = metricsServer(i.metrics.Handler(), h, log)
	}
	return s, nil
}
