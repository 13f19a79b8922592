//go:build unix

package main

import (
	"net"
	"path/filepath"
	"regexp"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

type managerKey struct{}

// manager listens as systemd does, from now on.
func managerCommand(ts *testscript.TestScript, neg bool, args []string) {
	path := filepath.Join(ts.Getenv("WORK"), "n")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	ts.Setenv("NOTIFY_SOCKET", path)
	*ts.Value(managerKey{}).(**net.UnixConn) = conn
}

// told PATTERN waits for a message to the manager; ! told PATTERN OTHER waits for
// OTHER, and fails if PATTERN comes before.
func toldCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg && len(args) != 2 || !neg && len(args) != 1 {
		ts.Fatalf("usage: told PATTERN | ! told PATTERN OTHER")
	}
	first := regexp.MustCompile(args[0])
	conn := *ts.Value(managerKey{}).(**net.UnixConn)
	buffer := make([]byte, 4096)
	for {
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		n, err := conn.Read(buffer)
		if err != nil {
			ts.Fatalf("told %s: %v", args, err)
		}
		message := buffer[:n]
		ts.Logf("told: %s", message)
		if first.Match(message) {
			if neg {
				ts.Fatalf("told %s", message)
			}
			return
		}
		if neg && regexp.MustCompile(args[1]).Match(message) {
			return
		}
	}
}
