package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// maxSecret bounds what a person types or pastes at a prompt.
const maxSecret = 4096

// errInterrupted is Ctrl-C at a prompt.
var errInterrupted = fmt.Errorf("interrupted: %w", context.Canceled)

// ReadSecret asks on the terminal in for one line, without echo. Ctrl-D on an
// empty line answers nothing: an empty secret. Ctrl-C, or the end of ctx, ends it
// with an error for which errors.Is(err, context.Canceled) holds, or the cause of
// ctx. The terminal is then as it was before.
func ReadSecret(ctx context.Context, in *os.File, out io.Writer, prompt string) (string, error) {
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	// In raw mode, Ctrl-C and Ctrl-D are characters. x/term's ReadPassword leaves
	// them to the terminal, and waits on after both.
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return "", fmt.Errorf("ask on the terminal: %w", err)
	}
	defer func() {
		term.Restore(int(in.Fd()), before)
		fmt.Fprintln(out)
	}()
	fmt.Fprint(out, prompt)
	return readSecret(&keyReader{ctx, in})
}

// A keyReader reads one byte at a time, and none ahead: what follows the secret is
// for others. Its reads end with ctx, and leave one of r behind then.
type keyReader struct {
	ctx context.Context
	r   io.Reader
}

func (k *keyReader) Read(p []byte) (int, error) {
	got := make(chan chunk, 1)
	go func() {
		var key [1]byte
		n, err := k.r.Read(key[:])
		got <- chunk{key[:n], err}
	}()
	select {
	case c := <-got:
		return copy(p, c.data), c.err
	case <-k.ctx.Done():
		return 0, context.Cause(k.ctx)
	}
}

// readSecret reads the line that a terminal in raw mode gives.
func readSecret(r io.Reader) (string, error) {
	var line []byte
	var key [1]byte
	for {
		switch _, err := io.ReadFull(r, key[:]); {
		case errors.Is(err, io.EOF):
			return string(line), nil
		case err != nil:
			return "", err
		}
		switch key[0] {
		case '\r', '\n':
			return string(line), nil
		case 0x03: // Ctrl-C
			return "", errInterrupted
		case 0x04: // Ctrl-D
			if len(line) == 0 {
				return "", nil
			}
		case '\b', 0x7f: // backspace: one character of UTF-8
			for len(line) > 0 {
				last := line[len(line)-1]
				line = line[:len(line)-1]
				if last&0xc0 != 0x80 {
					break
				}
			}
		case 0x15: // Ctrl-U
			line = line[:0]
		default:
			if line = append(line, key[0]); len(line) > maxSecret {
				return "", fmt.Errorf("longer than %d bytes", maxSecret)
			}
		}
	}
}
