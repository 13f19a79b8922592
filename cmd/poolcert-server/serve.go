package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"poolcert/account"
	"poolcert/account/audit"
	"poolcert/account/nodeserver"
	"poolcert/account/request"
	"poolcert/account/rest"
	"poolcert/internal/sdnotify"
)

// stopTimeout is what calls that are under way get at a stop. With the close of
// the database, it stays within the five seconds that are promised.
const stopTimeout = 4 * time.Second

// server is what runs: the service, its two network sides, and what shows the
// operator how they are.
type server struct {
	service *account.Service
	clients *http.Server
	node    *nodeserver.Server
	metrics *http.Server // nil: none
	health  *health
	audit   *audit.Log        // nil: none
	front   *frontCertificate // nil: plain HTTP
	log     *slog.Logger
}

// run serves until ctx ends or a part fails. The order of a stop: the listeners for
// clients and nodes close, their calls end, and only then the service, so that what
// they did is kept. Metrics and probes go on to the end.
func (s *server) run(ctx context.Context, l *listeners, reloads <-chan os.Signal) error {
	defer context.AfterFunc(ctx, func() {
		s.health.stopping.Store(true)
		sdnotify.Stopping()
	})()
	sdnotify.Ready() // who connects now is answered in a moment
	serviceCtx, stopService := context.WithCancel(context.WithoutCancel(ctx))
	defer stopService()
	work, workCtx := errgroup.WithContext(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- s.service.Run(serviceCtx)
	}()
	var shown errgroup.Group
	if l.metrics != nil {
		shown.Go(func() error { return serveUntil(serviceCtx, s.metrics, l.metrics) })
	}
	work.Go(func() error { return s.node.Serve(workCtx, tls.NewListener(l.nodes, s.node.TLSConfig())) })
	work.Go(func() error { return serveUntil(workCtx, s.clients, l.clients) })
	work.Go(func() error { s.reloadOn(workCtx, reloads); return nil })
	work.Go(func() error {
		sdnotify.Watch(workCtx, s.log, func() []string { s.service.Alive(); return nil })
		return nil
	})
	if s.front != nil && s.front.files != nil {
		work.Go(func() error { s.front.files.watch(workCtx); return nil })
	}
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
	err = errors.Join(err, <-ended, shown.Wait())
	s.log.Info("stopped")
	return err
}

// serveUntil serves until ctx ends, then lets calls end.
func serveUntil(ctx context.Context, srv *http.Server, l net.Listener) error {
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
func clientServer(service *account.Service, cfg *config, tokens rest.SignIn, o runOptions, h *health, observer request.Observer, log *slog.Logger) *http.Server {
	// SharedKey needs the request as it was sent; HTTP/2 would gain nothing.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: h.before(rest.New(rest.Config{
			Service: service, BaseURL: cfg.URL, SignIn: tokens, Limits: cfg.Limits.requests(), DebugAuth: o.debugAuth, Observer: observer, Log: log,
		})),
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
