package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

func TestInput(t *testing.T) {
	content := make([]byte, 3*inputChunk+17)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	for _, size := range []int{0, 1, inputChunk, inputChunk + 1, len(content)} {
		want := content[:size]
		for name, r := range map[string]io.Reader{
			"as it is": bytes.NewReader(want), "halves": iotest.HalfReader(bytes.NewReader(want)), "error with data": iotest.DataErrReader(bytes.NewReader(want)),
		} {
			got, err := io.ReadAll(Input(t.Context(), r))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, len(want))
			}
		}
	}
	broken := errors.New("broken pipe")
	in := Input(t.Context(), io.MultiReader(strings.NewReader("secret"), iotest.ErrReader(broken)))
	for range 2 {
		if _, err := io.ReadAll(in); err != broken {
			t.Errorf("%v, want the error of the reader", err)
		}
	}
}

func TestInputEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		ctx, cancel := context.WithCancelCause(t.Context())
		in := Input(ctx, r)
		done := make(chan error)
		go func() {
			_, err := io.ReadAll(in)
			done <- err
		}()
		if _, err := w.Write([]byte("half a message")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it waits for more
		why := errors.New("Ctrl-C")
		cancel(why)
		if err := <-done; err != why {
			t.Errorf("%v, want the cause", err)
		}
		w.Close() // lets the read end that was left behind
	})
}
