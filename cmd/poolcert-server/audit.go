package main

import (
	"cmp"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/user"
	"strconv"

	"poolcert/account/audit"
	"poolcert/account/request"
	"poolcert/internal/cli"
)

// auditLog is the table [audit].
type auditLog struct {
	File     string `toml:"file"`
	Required bool   `toml:"required"`
}

// auditStderr is the name of the log that the other lines go to, too.
const auditStderr = "stderr"

const auditText = `
# The audit log: a line of JSON for each act, such as who made a pool refer to what,
# and which node was given it. Without a file there is none. "stderr" mixes it with
# the other log. After it was moved away (logrotate), SIGHUP begins a new file. With
# required, nothing is changed or given to a node that can't be recorded before:
# requests get 503 meanwhile.
# [audit]
# file = "/var/log/poolcert-server/audit.log"
# required = true
`

func (a auditLog) check() error {
	if a.Required && a.File == "" {
		return cli.Hint(errors.New("audit: required without a file"), "give the file, or \"stderr\"")
	}
	return nil
}

// isFile tells that there is a file of its own.
func (a auditLog) isFile() bool { return a.File != "" && a.File != auditStderr }

func (a auditLog) text() string {
	switch {
	case a.File == "":
		return "off"
	case a.Required:
		return a.File + " (required)"
	}
	return a.File
}

// open returns nil if there is to be no audit log.
func (a auditLog) open(stderr io.Writer, log *slog.Logger) (*audit.Log, error) {
	cfg := audit.Config{Required: a.Required, Log: log}
	switch a.File {
	case "":
		return nil, nil
	case auditStderr:
		return audit.New(stderr, cfg), nil
	}
	l, err := audit.Open(a.File, cfg)
	return l, cli.Hint(err, "the file of [audit] in server.toml is to be a regular file that the user of the service can append to, in a directory that exists")
}

// try opens the log as a start would.
func (a auditLog) try() error {
	l, err := a.open(io.Discard, discard)
	if err != nil || l == nil {
		return err
	}
	return l.Close()
}

// record runs what a command changes, and writes to the file of the audit log who
// ran it; set adds to the record what was done.
func (a auditLog) record(operation string, do func(set *audit.Record) error) error {
	r := audit.Record{Operation: operation, Auth: request.Command, Who: caller()}
	if !a.isFile() { // the standard error is the service's
		return do(&r)
	}
	l, err := a.open(nil, discard)
	if err != nil {
		return err
	}
	if a.Required {
		r.Result = audit.Begun
		if err := l.Write(r); err != nil {
			return errors.Join(cli.Hint(err, "nothing was changed, as [audit] in server.toml requires a record of it"), l.Close())
		}
	}
	err = do(&r)
	r.Result = audit.Done
	if err != nil {
		r.Result = "failed"
	}
	if failed := l.Write(r); failed != nil && err == nil {
		err = cli.Hint(failed, "the change was made, but is not in the audit log")
	}
	return errors.Join(err, l.Close())
}

// caller is the person who runs a command, as far as the system tells.
func caller() string {
	name := strconv.Itoa(callerID)
	if callerID < 0 { // Windows
		if u, err := user.Current(); err == nil {
			return u.Username
		}
	}
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	if callerID == 0 {
		name = cmp.Or(os.Getenv("SUDO_USER"), name)
	}
	return name
}
