package cli

import (
	"context"
	"io"
)

// An input is a reader whose reads end with a context.
type input struct {
	ctx    context.Context
	r      io.Reader
	chunks chan chunk  // read ahead
	free   chan []byte // buffers to read into
	now    chunk       // what is left of the chunk in use
	whole  []byte      // its buffer
}

type chunk struct {
	data []byte
	err  error // after data
}

// inputChunk is the most bytes of one read. There are two such buffers.
const inputChunk = 256 << 10

// Input returns a reader of r, such as standard input, that fails with the cause
// of the end of ctx. From its first read on it reads ahead, and a read of r that
// blocks then is left behind, as systems have no way to end one of a terminal or
// a pipe: nobody else may use r.
func Input(ctx context.Context, r io.Reader) io.Reader { return &input{ctx: ctx, r: r} }

func (in *input) Read(p []byte) (int, error) {
	if in.chunks == nil {
		in.chunks, in.free = make(chan chunk), make(chan []byte, 2)
		in.free <- make([]byte, inputChunk)
		in.free <- make([]byte, inputChunk)
		go in.readAhead()
	}
	for len(in.now.data) == 0 {
		if in.now.err != nil {
			return 0, in.now.err
		}
		if in.whole != nil {
			in.free <- in.whole
			in.whole = nil
		}
		select {
		case in.now = <-in.chunks:
			in.whole = in.now.data[:0]
		case <-in.ctx.Done():
			in.now = chunk{err: context.Cause(in.ctx)}
		}
	}
	n := copy(p, in.now.data)
	in.now.data = in.now.data[n:]
	return n, nil
}

func (in *input) readAhead() {
	for {
		var c chunk
		select {
		case buf := <-in.free:
			n, err := in.r.Read(buf[:inputChunk])
			c = chunk{buf[:n], err}
		case <-in.ctx.Done():
			return
		}
		select {
		case in.chunks <- c:
		case <-in.ctx.Done():
			return
		}
		if c.err != nil {
			return
		}
	}
}
