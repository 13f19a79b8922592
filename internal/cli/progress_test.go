package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slow takes a second for each read of a MiB.
type slow struct{ left int }

func (s *slow) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	s.left--
	<-time.After(time.Second)
	return min(len(p), 1<<20), nil
}

func readAll(p *Progress) {
	buf := make([]byte, 1<<20)
	for {
		if _, err := p.Read(buf); err != nil {
			return
		}
	}
}

func TestProgress(t *testing.T) {
	for name, test := range map[string]struct {
		mib         int
		total       int64
		first, last string
	}{
		"small":   {3, 3 << 20, "", ""},
		"known":   {100, 100 << 20, "\r  1 % of 100 MiB", "\r100 % of 100 MiB"},
		"unknown": {70, -1, "\r65 MiB", "\r70 MiB"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			p := NewProgress(io.Discard, &slow{test.mib}, test.total)
			p.w = &out // as if it were a terminal
			readAll(p)
			lines := strings.Split(strings.TrimSuffix(out.String(), "\x1b[K"), "\x1b[K")
			if first, last := lines[0], lines[len(lines)-1]; first != test.first || last != test.last {
				t.Errorf("%s: first %q, last %q; want %q, %q", name, first, last, test.first, test.last)
			}
			out.Reset()
			p.Done()
			p.Done()
			if want := map[bool]string{true: "\r\x1b[K"}[test.first != ""]; out.String() != want {
				t.Errorf("%s: Done wrote %q, want %q", name, out.String(), want)
			}
		})
	}
	var out bytes.Buffer
	p := NewProgress(&out, &slow{1}, 100<<20)
	readAll(p)
	p.Done()
	if out.Len() > 0 {
		t.Errorf("no terminal: %q, want nothing", out.String())
	}
}
