package main

import (
	"io"
	"log/slog"

	"poolcert/agent"
	"poolcert/internal/eventlog"
	"poolcert/internal/logfile"
	"poolcert/internal/svcrun"
)

// What the log file takes at most: 60 MB.
const (
	logSize = 10 << 20
	logKeep = 5
)

// A logs is where the agent's log goes.
type logs struct {
	*slog.Logger
	closers []io.Closer
}

// openLogs opens the log file, if there is to be one, and, under the service manager of
// Windows, the event log; else the log goes to stderr. A file that cannot be opened is no
// reason not to run: that is told where the log goes then.
func openLogs(c *agent.LogConfig, host *svcrun.Host, stderr io.Writer, level slog.Leveler) *logs {
	l := &logs{}
	var handlers []slog.Handler
	path := c.File
	if path == "" && host.Managed {
		path = agent.DefaultLogPath()
	}
	var failed []error
	if path != "" {
		file, err := logfile.Open(path, logfile.Options{Size: logSize, Keep: logKeep})
		if err == nil {
			l.closers = append(l.closers, file)
			handlers = append(handlers, newLog(file, c.Format, level).Handler())
		} else {
			failed = append(failed, err)
		}
	}
	if host.Managed {
		source, err := eventlog.Open(serviceName)
		if err == nil {
			l.closers = append(l.closers, source)
			handlers = append(handlers, newEventHandler(source, level))
		} else {
			failed = append(failed, err)
		}
	}
	if len(handlers) == 0 {
		handlers = append(handlers, newLog(stderr, c.Format, level).Handler())
	}
	l.Logger = slog.New(slog.NewMultiHandler(handlers...))
	for _, err := range failed {
		l.Error("a part of the log is missing", "err", err)
	}
	return l
}

func (l *logs) close() {
	for _, c := range l.closers {
		_ = c.Close() // there is nowhere left to tell
	}
}
