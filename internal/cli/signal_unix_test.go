//go:build unix

package cli

import (
	"bytes"
	"io"
	"os"
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
