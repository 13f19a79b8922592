package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"poolcert/internal/cli"
)

// openInput opens the file argument, or standard input for "-" or none. Reads that
// may wait for others end with the command's context.
func openInput(cmd *cobra.Command, args []string) (io.ReadCloser, error) {
	if len(args) == 1 && args[0] != "-" {
		fi, err := os.Stat(args[0])
		if err != nil || fi.Mode().IsRegular() {
			return os.Open(args[0])
		}
		return io.NopCloser(cli.Input(cmd.Context(), &waitingFile{path: args[0]})), nil
	}
	if len(args) == 0 && cli.IsTerminal(cmd.InOrStdin()) {
		fmt.Fprintln(cmd.ErrOrStderr(), "poolcert: reading from the terminal; end with "+endOfInput)
	}
	if inputSize(cmd.InOrStdin()) >= 0 {
		return io.NopCloser(cmd.InOrStdin()), nil // a file does not make anyone wait
	}
	return io.NopCloser(cli.Input(cmd.Context(), cmd.InOrStdin())), nil
}

// A waitingFile is opened by the first read, as to open a named pipe waits for
// its other end.
type waitingFile struct {
	path string
	file *os.File
}

func (w *waitingFile) Read(p []byte) (int, error) {
	if w.file == nil {
		var err error
		if w.file, err = os.Open(w.path); err != nil {
			return 0, err
		}
	}
	return w.file.Read(p)
}
