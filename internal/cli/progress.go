package cli

import (
	"fmt"
	"io"
	"time"
)

// progressFrom is the input, in bytes, from which people want to see progress.
const progressFrom = 64 << 20

// progressEvery is how often the line changes.
const progressEvery = 200 * time.Millisecond

// A Progress reads from another reader, and shows on a terminal how far it is.
// It is not for concurrent use.
type Progress struct {
	r     io.Reader
	w     io.Writer // nil: nothing is shown
	total int64     // -1: unknown
	read  int64
	shown time.Time
	drawn bool
}

// NewProgress returns a reader of r, which has total bytes, or -1 if that is
// unknown. It shows a line on w while it is read, if w is a terminal and there
// are more than 64 MiB. Call Done at the end, before anything else is printed.
func NewProgress(w io.Writer, r io.Reader, total int64) *Progress {
	p := &Progress{r: r, total: total, shown: time.Now()}
	if IsTerminal(w) {
		p.w = w
	}
	return p
}

func (p *Progress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.read += int64(n)
	if p.w != nil && max(p.total, p.read) > progressFrom && time.Since(p.shown) >= progressEvery {
		p.shown, p.drawn = time.Now(), true
		fmt.Fprint(p.w, "\r"+p.line()+"\x1b[K")
	}
	return n, err
}

// line says how far reading is.
func (p *Progress) line() string {
	if p.total <= 0 {
		return fmt.Sprintf("%d MiB", p.read>>20)
	}
	return fmt.Sprintf("%3d %% of %d MiB", 100*p.read/p.total, p.total>>20)
}

// Done wipes the line.
func (p *Progress) Done() {
	if p.w != nil && p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.w = nil
}
