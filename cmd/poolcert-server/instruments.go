package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"poolcert/account"
	"poolcert/account/audit"
	"poolcert/account/db"
	"poolcert/account/metrics"
	"poolcert/account/request"
	"poolcert/internal/cli"
)

// instruments show the operator what the service does.
type instruments struct {
	audit   *audit.Log       // nil: none
	metrics *metrics.Metrics // nil: none
}

func (c *config) instruments(stderr io.Writer, log *slog.Logger) (*instruments, error) {
	i := new(instruments)
	var err error
	if i.audit, err = c.Audit.open(stderr, log); err != nil {
		return nil, err
	}
	if c.Metrics.Listen != "" {
		i.metrics = metrics.New(cli.Version())
	}
	return i, nil
}

func (i *instruments) close() error {
	if i.audit == nil {
		return nil
	}
	return i.audit.Close()
}

// observer is told of requests.
func (i *instruments) observer() request.Observer {
	var all request.Observers
	if i.metrics != nil {
		all = append(all, i.metrics)
	}
	if i.audit != nil {
		all = append(all, i.audit)
	}
	return all
}

// attach is for what the data directory's database and service tell by themselves.
func (i *instruments) attach(d *data) {
	if i.metrics != nil {
		d.db.Observe(i.metrics.Database(func(err error) bool { return errors.Is(err, db.ErrBusy) || errors.Is(err, db.ErrDisk) }))
		d.events.Installed = i.metrics.Installed
	}
	if i.audit != nil {
		d.events.Act = func(_ context.Context, c *request.Call) { i.audit.End(c) }
	}
}

// watch names what a scrape asks.
func (i *instruments) watch(s *account.Service, front *frontCertificate) {
	if i.metrics == nil {
		return
	}
	sources := metrics.Sources{Statistics: s.Statistics, Counters: s.Counters, CertificateExpires: front.expires}
	if front.files != nil {
		sources.ReloadFailures = front.files.failures.Load
	}
	if i.audit != nil {
		sources.AuditFailures = i.audit.Failures
	}
	i.metrics.Watch(sources)
}
