package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"poolcert/account"
	"poolcert/account/nodeserver"
	"poolcert/account/rest"
)

// stopTimeout is what calls that are under way get at a stop. With the close of
// the database, it stays within the five seconds that are promised.
const stopTimeout = 4 * time.Second

// server is what runs: the service and its two network sides.
type server struct {
	service *account.Service
	clients *http.Server
	node    *nodeserver.Server
	log     *slog.Logger
}

// run serves until ctx ends or a part fails. The order of a stop: both listeners
// close, calls end, and only then the service, so that what they did is kept.
func (s *server) run(ctx context.Context, clients, nodes net.Listener) error {
	serviceCtx, stopService := context.WithCancel(context.WithoutCancel(ctx))
	defer stopService()
	work, workCtx := errgroup.WithContext(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- s.service.Run(serviceCtx)
	}()
	work.Go(func() error { return s.node.Serve(workCtx, nodes) })
	work.Go(func() error { return serveClients(workCtx, s.clients, clients) })
	work.Go(func() error {
		select {
		case err := <-ended:
			ended <- err
			return errors.Join(errors.New("the service ended by itself"), err)
		case <-workCtx.Done():
			return nil
		}
	})
	err := work.Wait()
	stopService()
	err = errors.Join(err, <-ended)
	s.log.Info("stopped")
	return err
}

// serveClients serves until ctx ends, then lets calls end.
func serveClients(ctx context.Context, srv *http.Server, l net.Listener) error {
	done := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(done)
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if srv.Shutdown(late) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(l)
	if unhook() { // ctx did not end: the listener failed
		return errors.Join(err, srv.Close())
	}
	<-done
	return nil
}

// clientServer answers clients. It bounds what a slow or hostile one can hold; the
// times leave room for the 30 s of a call.
func clientServer(service *account.Service, cfg *config, tokens rest.SignIn, o runOptions, log *slog.Logger) *http.Server {
	// SharedKey needs the request as it was sent; HTTP/2 would gain nothing.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           withHealth(rest.New(rest.Config{Service: service, BaseURL: cfg.URL, SignIn: tokens, Limits: cfg.Limits.requests(), DebugAuth: o.debugAuth, Log: log}), service, log),
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// withHealth answers two paths without a signature. It is no ServeMux, which
// would redirect from paths that it finds unclean.
func withHealth(api http.Handler, service *account.Service, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz":
			io.WriteString(w, "ok\n")
		case "/readyz":
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if err := service.Ready(ctx); err != nil {
				log.Warn("not ready", "err", err)
				http.Error(w, "not ready", http.StatusServiceUnavailable)
				return
			}
			io.WriteString(w, "ok\n")
		default:
			api.ServeHTTP(w, r)
		}
	})
}
