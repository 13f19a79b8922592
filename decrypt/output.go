package decrypt

import "io"

// An output is what content goes through on its way to the caller's writer.
type output struct {
	io.Writer             // the first step
	steps     []io.Closer // in the order of the content
	counter   *counter
}

func newOutput(dst io.Writer, opts Options) *output {
	c := &counter{w: dst}
	o := &output{Writer: c, counter: c}
	if opts.Text {
		text := &textWriter{w: c}
		o.Writer, o.steps = text, []io.Closer{text}
	}
	return o
}

// Close passes on what the steps still hold.
func (o *output) Close() error {
	for _, step := range o.steps {
		if err := step.Close(); err != nil {
			return err
		}
	}
	return nil
}

// size returns the bytes that the caller's writer got.
func (o *output) size() int64 { return o.counter.n }

// A counter counts what it passes on.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
