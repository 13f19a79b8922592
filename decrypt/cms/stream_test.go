package cms

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

func TestShortReads(t *testing.T) {
	content := pattern(chunkSize + 100)
	for _, opts := range []Options{{}, {Compat: true}} {
		message := seal(t, content, opts, alice(t))
		for name, wrap := range map[string]func(io.Reader) io.Reader{
			"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with error": iotest.DataErrReader,
		} {
			got, err := openReader(alice(t), wrap(bytes.NewReader(message)))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
	}
}

// What is read in front of and behind a message is its own, when r allows it.
func TestReadsNotPastTheEnd(t *testing.T) {
	for _, size := range []int{100, chunkSize + 1} {
		message := seal(t, pattern(size), Options{}, alice(t))
		r := newBERReader(bytes.NewReader(slices.Concat(message, []byte("rest")))).br
		if _, err := openReader(alice(t), r); err != nil {
			t.Fatal(err)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "rest" {
			t.Errorf("after a message of %d bytes: %q", size, rest)
		}
	}
}

// Each beginning of a message fails: with a FormatError in the header, with
// ErrDecrypt behind it.
func TestTruncated(t *testing.T) {
	for _, opts := range []Options{{}, {Compat: true}} {
		der := seal(t, pattern(40), opts, alice(t))
		for _, message := range [][]byte{der, toBER(t, der)} {
			m := header(t, message)
			cek, err := Keys(alice(t)).Unwrap(t.Context(), m.WrappedKey())
			if err != nil {
				t.Fatal(err)
			}
			for n := range message {
				m, err := ReadHeader(bytes.NewReader(message[:n]))
				var format *FormatError
				if err == nil {
					err = m.Decrypt(t.Context(), io.Discard, cek)
					if err != ErrDecrypt {
						t.Fatalf("cut after %d of %d: %v, want ErrDecrypt", n, len(message), err)
					}
				} else if !errors.As(err, &format) {
					t.Fatalf("cut after %d of %d: %T %v", n, len(message), err, err)
				} else if n > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("cut after %d of %d: %v, want ErrUnexpectedEOF", n, len(message), err)
				}
			}
		}
	}
}

// No single changed bit of an authenticated message gives other content.
func TestChangedBit(t *testing.T) {
	content := pattern(40)
	message := seal(t, content, Options{}, alice(t))
	for i := range message {
		changed := bytes.Clone(message)
		changed[i] ^= 1 << (i % 8)
		if got, err := open(alice(t), changed); err == nil && !bytes.Equal(got, content) {
			t.Errorf("bit %d of byte %d changed: other content", i%8, i)
		}
	}
}

var errDisk = errors.New("disk full")

// failAfter takes n bytes.
type failAfter struct{ n int }

func (w *failAfter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

// Errors of reader, writer and context come out as they are, and all goroutines
// end: synctest waits for them.
func TestInterruptedStream(t *testing.T) {
	content := pattern(20 * chunkSize)
	for _, opts := range []Options{{}, {Compat: true}} {
		message := seal(t, content, opts, alice(t))
		header := header(t, message)
		cek, err := Keys(alice(t)).Unwrap(t.Context(), header.WrappedKey())
		if err != nil {
			t.Fatal(err)
		}
		decrypt := func(t *testing.T, ctx context.Context, w io.Writer, r io.Reader) error {
			m, err := ReadHeader(r)
			if err != nil {
				t.Fatal(err)
			}
			return m.Decrypt(ctx, w, cek)
		}
		synctest.Test(t, func(t *testing.T) {
			for _, n := range []int{0, chunkSize, 7 * chunkSize, 19 * chunkSize} {
				if err := decrypt(t, t.Context(), &failAfter{n}, bytes.NewReader(message)); !errors.Is(err, errDisk) {
					t.Errorf("writer fails after %d: %v", n, err)
				}
				broken := io.MultiReader(bytes.NewReader(message[:n+5000]), iotest.ErrReader(errDisk))
				if err := decrypt(t, t.Context(), io.Discard, broken); !errors.Is(err, errDisk) {
					t.Errorf("reader fails after %d: %v", n, err)
				}
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			err := decrypt(t, ctx, writerFunc(func([]byte) { cancel(errDisk) }), bytes.NewReader(message))
			if !errors.Is(err, errDisk) {
				t.Errorf("ctx ends during Decrypt: %v", err)
			}
			if err := decrypt(t, ctx, io.Discard, bytes.NewReader(message)); !errors.Is(err, errDisk) {
				t.Errorf("ctx ended before Decrypt: %v", err)
			}
		})
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

func TestDecryptTwice(t *testing.T) {
	m := header(t, seal(t, nil, Options{}, alice(t)))
	cek, err := Keys(alice(t)).Unwrap(t.Context(), m.WrappedKey())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Decrypt(t.Context(), io.Discard, cek[1:]); err != ErrDecrypt {
		t.Errorf("short key: %v, want ErrDecrypt", err)
	}
	if err := m.Decrypt(t.Context(), io.Discard, cek); err == nil {
		t.Error("second Decrypt: no error")
	}
}

func TestWriterErrors(t *testing.T) {
	for _, n := range []int{0, 500, chunkSize + 500} {
		w, err := NewWriter(&failAfter{n}, certs(alice(t)), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Write(pattern(2*chunkSize + 1))
		if n < chunkSize && !errors.Is(err, errDisk) {
			t.Errorf("Write: %v, want the writer's error", err)
		}
		if err := w.Close(); !errors.Is(err, errDisk) {
			t.Errorf("Close: %v, want the writer's error", err)
		}
	}
	w, err := NewWriter(io.Discard, certs(alice(t)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("Write after Close: no error")
	}
}

// Memory does not grow with the content, neither in writing nor in reading.
func TestMemory(t *testing.T) {
	const size, limit = 256 << 20, 16 << 20
	for _, opts := range []Options{{}, {Compat: true}} {
		before := heap()
		pr, pw := io.Pipe()
		go func() {
			w, err := NewWriter(pw, certs(alice(t)), opts)
			for n, zeros := 0, make([]byte, 1<<20); n < size && err == nil; n += len(zeros) {
				_, err = w.Write(zeros)
			}
			if err == nil {
				err = w.Close()
			}
			pw.CloseWithError(err)
		}()
		m, err := ReadHeader(pr)
		if err != nil {
			t.Fatal(err)
		}
		cek, err := Keys(alice(t)).Unwrap(t.Context(), m.WrappedKey())
		if err != nil {
			t.Fatal(err)
		}
		var total, peak atomic.Int64
		err = m.Decrypt(t.Context(), writerFunc(func(p []byte) {
			if n := total.Add(int64(len(p))); n%(8<<20) < int64(len(p)) {
				peak.Store(max(peak.Load(), heap()-before))
			}
		}), cek)
		if err != nil || total.Load() != size {
			t.Errorf("%d bytes, %v; want %d", total.Load(), err, size)
		}
		if peak.Load() > limit {
			t.Errorf("%+v: the heap grew by %d KiB for %d MiB of content", opts, peak.Load()>>10, size>>20)
		}
		t.Logf("%+v: heap grew by %d KiB", opts, peak.Load()>>10)
	}
}

func heap() int64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
