// Package audit writes the audit log of the account service: one line of JSON for
// each act, such as "pool p now refers to these certificates, says the holder of
// the primary key of account a".
//
// [Open] a file, or wrap another writer with [New], and give the [Log] as an
// observer to the network sides. Call [Log.Reopen] when the file was moved away.
//
// Promised: each operation that changes something or gives a certificate away has
// a line, whether it succeeded or not; a line is one write, so that processes may
// share a file; there is nothing secret in it. Refusals of who proved nothing are
// bounded: those left out are counted in the next line. A line that could not be
// written is in the ordinary log, as an error. With Required, an operation of
// somebody who is known runs only after a line with the result "begun" was written.
//
// Lines are not forced to disk: a loss of power may take the last seconds.
//
// docs/operations.md describes the lines for people.
package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"poolcert/account/request"
	"poolcert/internal/linefile"
)

// Refusals of strangers that get a line: so many at once, and each second.
const (
	strangerBurst = 20
	strangerRate  = 1
)

// ErrFailing is wrapped by the error of [Log.Begin].
var ErrFailing = errors.New("the audit log can't be written")

// ErrFile is wrapped by the errors of [Open] and [Log.Reopen].
var ErrFile = errors.New("open the audit log")

// Config is how a log is kept. The zero value is ready.
type Config struct {
	// Required refuses operations that can't be recorded.
	Required bool

	// Log gets the lines that could not be written; it may be nil.
	Log *slog.Logger
}

// A Log is an audit log. Its methods are safe for concurrent use.
type Log struct {
	required  bool
	log       *slog.Logger
	strangers *rate.Limiter
	lines     *linefile.File

	mu         sync.Mutex
	suppressed uint64 // refusals without a line

	failing  atomic.Bool
	failures atomic.Uint64
}

// New returns a log that writes to w.
func New(w io.Writer, cfg Config) *Log { return newLog(linefile.New(w), cfg) }

// Open returns a log that appends to a file, which it makes with mode 0600 if it
// is missing. A file that is there keeps its mode. The error is [ErrFile].
func Open(path string, cfg Config) (*Log, error) {
	lines, err := linefile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return newLog(lines, cfg), nil
}

func newLog(lines *linefile.File, cfg Config) *Log {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Log{required: cfg.Required, log: cfg.Log, strangers: rate.NewLimiter(strangerRate, strangerBurst), lines: lines}
}

// Reopen goes on in a new file at the log's path, after somebody moved the old one
// away. When that fails with [ErrFile], the log goes on in the file that it has. A
// log without a file has nothing to do.
func (l *Log) Reopen() error {
	if err := l.lines.Reopen(); err != nil {
		return fmt.Errorf("%w: %w", ErrFile, err)
	}
	return nil
}

// Close closes the file; lines after it fail.
func (l *Log) Close() error { return l.lines.Close() }

// Begin implements [request.Observer]. With Required it writes a line with the
// result "begun", and fails with [ErrFailing] if it can't. Of strangers it writes
// none, so that they can't fill the disk.
func (l *Log) Begin(c *request.Call) error {
	if !l.required {
		return nil
	}
	if c.Auth == "" {
		if l.failing.Load() {
			return ErrFailing
		}
		return nil
	}
	r := recordOf(c)
	r.Result, r.Status = Begun, 0
	if err := l.Write(r); err != nil {
		return fmt.Errorf("%w: %w", ErrFailing, err)
	}
	return nil
}

// End implements [request.Observer].
func (l *Log) End(c *request.Call) {
	refused := c.Status == http.StatusUnauthorized || c.Status == http.StatusForbidden ||
		c.API == request.Batch && c.Auth == "" && c.Status == http.StatusBadRequest
	if !refused && (!c.Audited || c.Auth == "") {
		return
	}
	r := recordOf(c)
	if c.Auth == "" || !c.Audited {
		if !l.strangers.Allow() {
			l.mu.Lock()
			l.suppressed++
			l.mu.Unlock()
			return
		}
		if r.Operation == "" {
			r.Operation = "authenticate"
		}
	}
	_ = l.Write(r) // told by Write itself
}

// Write writes one record. A failure is counted, and logged with the record.
func (l *Log) Write(r Record) error {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	r.Time = r.Time.UTC().Round(time.Millisecond)
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Suppressed = l.suppressed
	line, err := json.Marshal(r)
	if err == nil {
		err = l.lines.Append(line)
	}
	if err != nil {
		l.failures.Add(1)
		l.failing.Store(true)
		l.log.Error("the audit log can't be written", "record", string(line), "err", err)
		return err
	}
	l.suppressed = 0
	if l.failing.Swap(false) {
		l.log.Warn("the audit log can be written again", "failures", l.failures.Load())
	}
	return nil
}

// Failing tells whether the last line could not be written.
func (l *Log) Failing() bool { return l.failing.Load() }

// Failures returns how many lines could not be written.
func (l *Log) Failures() uint64 { return l.failures.Load() }
