package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"poolcert/internal/cli"
)

// diskFull is what this system calls it.
var diskFull = map[bool]error{true: syscall.Errno(112), false: syscall.ENOSPC}[runtime.GOOS == "windows"] // ERROR_DISK_FULL

// Errors of files and of the network look alike to net.Error.
func TestHintsOfFilesAndNetwork(t *testing.T) {
	file := func(err error) error {
		return fmt.Errorf("save: %w", &fs.PathError{Op: "write", Path: "/state/x", Err: err})
	}
	for _, test := range []struct {
		err  error
		want string
	}{
		{file(diskFull), "hint: make space on the disk"},
		{file(syscall.ENOENT), "hint: check the name"},
		{file(fs.ErrPermission), "hint: " + asRoot},
		{&url.Error{Op: "Get", URL: "https://x", Err: syscall.ECONNRESET}, "hint: is poolcert-server running"},
		{&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, "hint: is poolcert-server running"},
	} {
		var stderr bytes.Buffer
		cmd := &cobra.Command{Use: "poolcert-agent", RunE: func(*cobra.Command, []string) error { return withHint(test.err) }}
		cli.Main(t.Context(), cmd, nil, nil, nil, &stderr)
		if !strings.Contains(stderr.String(), test.want) {
			t.Errorf("%v: printed %q, want %q", test.err, stderr.String(), test.want)
		}
	}
}

// The wait for a token on standard input ends with the context, as on Ctrl-C.
func TestJoinInterrupted(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	config := filepath.Join(t.TempDir(), "agent.toml")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stderr bytes.Buffer
	if code := run(ctx, []string{"--config", config, "join", "-"}, r, &stderr, &stderr); code != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("exit code %d, %q; want an interruption", code, stderr.String())
	}
}
