package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"poolcert/internal/sdnotify"
)

// hangups returns a channel of requests to read files again. Take it early: a SIGHUP
// before would end the process.
func hangups() (<-chan os.Signal, func()) {
	all := make(chan os.Signal, 1)
	signal.Notify(all, syscall.SIGHUP)
	return all, func() { signal.Stop(all) }
}

// reloadOn reads files again at each request, until ctx ends.
func (s *server) reloadOn(ctx context.Context, requests <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-requests:
		}
		sdnotify.Reloading()
		s.reload()
		sdnotify.Ready()
	}
}

// reload begins a new audit log if the old one was moved away, and reads the TLS
// certificate again. What can't be had stays as it is.
func (s *server) reload() {
	if s.audit != nil {
		if err := s.audit.Reopen(); err != nil {
			s.log.Error("the audit log goes on in the old file", "err", err)
		}
	}
	if s.front != nil && s.front.files != nil {
		if err := s.front.files.reload(); err != nil {
			s.front.files.complain(err)
		}
	}
	s.log.Info("reloaded: the audit log and the TLS certificate for clients; server.toml is read at a start only")
}
