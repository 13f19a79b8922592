package cli

import (
	"context"
	"io"
)

// An input is a reader whose reads end with a context. A read that blocks is left
// behind, as systems have no way to end one of a terminal or a pipe.
type input struct {
	ctx  context.Context
	r    io.Reader
	buf  []byte // of the reads: who calls may use its own again after the end
	done chan readResult
}

type readResult struct {
	n   int
	err error
}

// Input returns a reader of r, such as standard input, that fails with the cause
// of the end of ctx. It reads nothing by itself. After that failure r must not be
// used.
func Input(ctx context.Context, r io.Reader) io.Reader {
	return &input{ctx: ctx, r: r, buf: make([]byte, 256<<10), done: make(chan readResult, 1)}
}

func (in *input) Read(p []byte) (int, error) {
	if err := context.Cause(in.ctx); err != nil {
		return 0, err
	}
	buf := in.buf[:min(len(p), len(in.buf))]
	go func() {
		n, err := in.r.Read(buf)
		in.done <- readResult{n, err}
	}()
	select {
	case res := <-in.done:
		return copy(p, buf[:res.n]), res.err
	case <-in.ctx.Done():
		return 0, context.Cause(in.ctx)
	}
}
