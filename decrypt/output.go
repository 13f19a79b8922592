package decrypt

import "io"

// An output is what content goes through on its way to the caller's writer: a
// signed message is unwrapped, then text is decoded.
type output struct {
	io.Writer // the first step
	signed    *signedWriter
	text      *textWriter
	counter   *counter
}

func newOutput(dst io.Writer, opts Options) *output {
	o := &output{counter: &counter{w: dst}}
	o.Writer = o.counter
	if opts.Text {
		o.text = &textWriter{w: o.Writer}
		o.Writer = o.text
	}
	if opts.UnwrapSigned {
		o.signed = newSignedWriter(o.Writer)
		o.Writer = o.signed
	}
	return o
}

// Close passes on what the steps still hold.
func (o *output) Close() error {
	if o.signed != nil {
		if err := o.signed.Close(); err != nil {
			return err
		}
	}
	if o.text != nil {
		return o.text.Close()
	}
	return nil
}

// abort ends the steps of content that is not whole. It does nothing after Close.
func (o *output) abort() {
	if o.signed != nil {
		o.signed.abort()
	}
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
