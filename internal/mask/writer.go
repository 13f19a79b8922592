package mask

import "io"

// replacement stands for a secret.
const replacement = "***"

// A Writer hides secrets in what is written to it. It is not for concurrent use.
type Writer struct {
	r      *Replacer
	w      io.Writer
	state  int32
	held   []byte // what may be the beginning of a secret
	at     int64  // the place of held in the stream
	hidden []span // in held, in order, apart from each other
	inside bool   // the last byte that was passed on was of a secret
	out    []byte
}

// A span is from its first byte to before its end, in the stream.
type span struct{ from, to int64 }

// Writer returns a writer to w.
func (r *Replacer) Writer(w io.Writer) *Writer { return &Writer{r: r, w: w} }

// Write implements io.Writer. An error is that of the writer below.
func (w *Writer) Write(p []byte) (int, error) {
	w.out = w.out[:0]
	for _, b := range p {
		w.held = append(w.held, b)
		w.state = w.r.step(w.state, b)
		if n := int64(w.r.match[w.state]); n > 0 {
			end := w.at + int64(len(w.held))
			w.hide(span{end - n, end})
		}
		if w.state == 0 && len(w.held) > 1<<12 || len(w.held) > 1<<16 {
			w.pass(len(w.held) - int(w.r.depth[w.state]))
		}
	}
	w.pass(len(w.held) - int(w.r.depth[w.state]))
	if _, err := w.w.Write(w.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close passes on what is held back. It does not close the writer below.
func (w *Writer) Close() error {
	w.out = w.out[:0]
	w.pass(len(w.held))
	w.state = 0
	_, err := w.w.Write(w.out)
	return err
}

// hide adds a span that ends where held does.
func (w *Writer) hide(s span) {
	for n := len(w.hidden); n > 0 && w.hidden[n-1].to >= s.from; n-- {
		s.from = min(s.from, w.hidden[n-1].from)
		w.hidden = w.hidden[:n-1]
	}
	w.hidden = append(w.hidden, s)
}

// pass moves n bytes of held to out.
func (w *Writer) pass(n int) {
	end := w.at + int64(n)
	for at := w.at; at < end; {
		to := end
		switch {
		case len(w.hidden) > 0 && w.hidden[0].from <= at:
			if !w.inside {
				w.out = append(w.out, replacement...)
			}
			w.inside = true
			if to = min(end, w.hidden[0].to); to == w.hidden[0].to {
				w.hidden = w.hidden[1:]
			}
		default:
			if len(w.hidden) > 0 {
				to = min(end, w.hidden[0].from)
			}
			w.out = append(w.out, w.held[at-w.at:to-w.at]...)
			w.inside = false
		}
		at = to
	}
	w.held = w.held[:copy(w.held, w.held[n:])]
	w.at = end
}
