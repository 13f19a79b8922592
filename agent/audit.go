package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"poolcert/decrypt/local"
	"poolcert/internal/linefile"
	"poolcert/internal/sddl"
)

// An AuditConfig is the table [audit].
type AuditConfig struct {
	// File gets one line of JSON for each use of a key, or attempt. It is made with
	// mode 0600, and opened anew at a reload. Empty: the lines are in the log.
	File string `toml:"file"`
}

func (c *AuditConfig) check() error {
	if c.File != "" && !filepath.IsAbs(c.File) {
		return fmt.Errorf("audit.file: %q is not an absolute path", c.File)
	}
	return nil
}

// An auditLine is one use. docs/agent.md has the table.
type auditLine struct {
	Time       time.Time `json:"time"`
	UID        *uint32   `json:"uid,omitempty"` // of Unix
	GID        *uint32   `json:"gid,omitempty"` // of Unix
	SID        sddl.SID  `json:"sid,omitempty"` // of Windows
	PID        int32     `json:"pid"`
	Executable string    `json:"executable,omitempty"`
	Command    string    `json:"command,omitempty"`
	Cgroups    []string  `json:"cgroups,omitempty"`
	Job        string    `json:"job,omitempty"`
	Operation  string    `json:"operation"`
	Form       string    `json:"form,omitempty"`
	Thumbprint string    `json:"thumbprint,omitempty"`
	Result     string    `json:"result"`
}

func auditLineOf(u local.Use) auditLine {
	line := auditLine{
		Time: u.Time.UTC().Truncate(time.Millisecond),
		SID:  u.Caller.SID, PID: u.Caller.PID,
		Executable: u.Caller.Process.Executable, Command: u.Caller.Process.Command,
		Cgroups: u.Caller.Process.Cgroups, Job: u.Caller.Process.Job(),
		Operation: u.Operation, Form: u.Form, Result: u.Result,
	}
	if line.SID == "" {
		line.UID, line.GID = &u.Caller.UID, &u.Caller.GID
	}
	if !u.Thumbprint.IsZero() {
		line.Thumbprint = u.Thumbprint.String()
	}
	return line
}

// auditQuiet is how often the log tells that the audit file cannot be written.
const auditQuiet = time.Minute

// An audit tells of uses, in a file or in the log. It is safe for concurrent use.
type audit struct {
	log      *slog.Logger
	failures *atomic.Uint64

	lines *linefile.File // nil: the log

	mu    sync.Mutex
	quiet time.Time // no more of failures before
}

// openAudit opens the file. One that is there keeps its mode.
func openAudit(c *AuditConfig, log *slog.Logger, failures *atomic.Uint64) (*audit, error) {
	a := &audit{log: log, failures: failures}
	if c.File == "" {
		return a, nil
	}
	var err error
	if a.lines, err = linefile.Open(c.File); err != nil {
		return nil, fmt.Errorf("open the audit file: %w", err)
	}
	return a, nil
}

func (a *audit) close() {
	if a.lines != nil {
		a.lines.Close()
	}
}

// write tells of a use. A line that the file does not take is in the log.
func (a *audit) write(u local.Use) {
	if a.lines != nil {
		err := a.append(auditLineOf(u))
		if err == nil {
			return
		}
		a.failures.Add(1)
		if a.tellsFailure() {
			a.log.Error("the audit file cannot be written; what it lacks is in this log", "err", err)
		}
	}
	a.log.LogAttrs(context.Background(), slog.LevelInfo, "key used", slog.Any("use", u))
}

func (a *audit) append(line auditLine) error {
	data, err := json.Marshal(line)
	if err != nil {
		return err
	}
	return a.lines.Append(data)
}

func (a *audit) tellsFailure() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if now.Before(a.quiet) {
		return false
	}
	a.quiet = now.Add(auditQuiet)
	return true
}
