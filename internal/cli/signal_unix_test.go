//go:build unix

package cli

import (
	"bytes"
	"io"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// What was begun is cleaned up on each of them.
func TestMainEndsOnSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		cleaned := false
		root := &cobra.Command{Use: "prog", RunE: func(cmd *cobra.Command, _ []string) error {
			if err := syscall.Kill(os.Getpid(), sig); err != nil {
				return err
			}
			<-cmd.Context().Done()
			cleaned = true
			return cmd.Context().Err()
		}}
		var stderr bytes.Buffer
		code := Main(t.Context(), root, nil, nil, io.Discard, &stderr)
		if code != ExitFailure || !cleaned || stderr.String() != "prog: error: interrupted\n" {
			t.Errorf("%v: exit %d, cleaned up %t, stderr %q", sig, code, cleaned, stderr.String())
		}
	}
}

// A command that says so gets SIGHUP for itself, wherever its flags stand.
func TestMainLeavesHangup(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"--dir", "x", "serve"}, {"serve", "--dir", "x"}} {
		root := &cobra.Command{Use: "prog"}
		root.PersistentFlags().String("dir", "", "")
		root.AddCommand(&cobra.Command{Use: "serve", Annotations: map[string]string{KeepsHangup: "yes"}, RunE: func(cmd *cobra.Command, _ []string) error {
			hangups := make(chan os.Signal, 1)
			signal.Notify(hangups, syscall.SIGHUP)
			defer signal.Stop(hangups)
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				return err
			}
			<-hangups
			return cmd.Context().Err()
		}})
		var stderr bytes.Buffer
		if code := Main(t.Context(), root, args, nil, io.Discard, &stderr); code != 0 {
			t.Errorf("%q: exit %d: %s", args, code, &stderr)
		}
	}
}
