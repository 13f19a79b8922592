package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"poolcert/internal/cli"
)

// openInput opens the file argument, or standard input for "-" or none.
func openInput(cmd *cobra.Command, args []string) (io.ReadCloser, error) {
	if len(args) == 1 && args[0] != "-" {
		return os.Open(args[0])
	}
	if len(args) == 0 && cli.IsTerminal(cmd.InOrStdin()) {
		fmt.Fprintln(cmd.ErrOrStderr(), "poolcert: reading from the terminal; end with Ctrl-D")
	}
	if inputSize(cmd.InOrStdin()) >= 0 {
		return io.NopCloser(cmd.InOrStdin()), nil // a file does not make anyone wait
	}
	return io.NopCloser(cli.Input(cmd.Context(), cmd.InOrStdin())), nil
}
