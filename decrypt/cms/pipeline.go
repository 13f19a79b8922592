package cms

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// chunkSize is the unit of work: large enough to hide the hand-over, small
// enough to stay in a core's cache. It is a multiple of all block sizes.
const chunkSize = 256 << 10

// maxWorkers bounds the memory that many cores would take.
const maxWorkers = 8

// A chunk is a part of the content: ciphertext first, plaintext after open.
type chunk struct {
	data   []byte
	last   bool
	offset int64         // of data in the content
	iv     [16]byte      // CBC: the ciphertext block before data
	hash   fieldElement  // GCM: the hash of the ciphertext
	opened chan struct{} // gets one value when open is done
}

// A contentMode decrypts content chunk by chunk. Every chunk but the last has
// chunkSize bytes; the last may have none.
type contentMode interface {
	// prepare is called for each chunk in order.
	prepare(c *chunk) error
	// open decrypts c in place. Calls run concurrently, in any order.
	open(c *chunk)
	// accept is called for each opened chunk in order, and returns what to release.
	accept(c *chunk) ([]byte, error)
}

// An authenticatedMode is one with a tag.
type authenticatedMode interface {
	contentMode
	// tag is called once, behind the content. Its result may be longer than the tag
	// of the message. A nil aad means that there is none.
	tag(aad []byte) ([]byte, error)
}

// A pipeline reads, decrypts and writes at the same time.
type pipeline struct {
	mode   contentMode
	w      io.Writer
	work   chan *chunk // to be opened
	order  chan *chunk // to be written, in this order
	free   chan *chunk // to be used again
	made   int
	size   int // capacity of the channels, and thus number of chunks
	offset int64
}

// decryptContent decrypts r to w until io.EOF. sizeHint is the number of bytes
// in r, or -1. Content of one chunk is done without any goroutine.
func decryptContent(ctx context.Context, r io.Reader, w io.Writer, mode contentMode, sizeHint int64) error {
	p := &pipeline{mode: mode, w: w}
	first := newChunk(sizeHint)
	defer clear(first.data[:cap(first.data)])
	if err := p.fill(first, r); err != nil {
		return err
	}
	if first.last {
		if err := mode.prepare(first); err != nil {
			return err
		}
		mode.open(first)
		return p.release(first)
	}
	return p.run(ctx, r, first)
}

func newChunk(sizeHint int64) *chunk {
	n := int64(chunkSize)
	if sizeHint >= 0 {
		n = min(n, sizeHint+1) // one more byte to see the end
	}
	return &chunk{data: make([]byte, 0, n), opened: make(chan struct{}, 1)}
}

// fill reads the next chunk.
func (p *pipeline) fill(c *chunk, r io.Reader) error {
	n, err := io.ReadFull(r, c.data[:cap(c.data)])
	c.data = c.data[:n]
	c.offset = p.offset
	p.offset += int64(n)
	c.last = err == io.EOF || err == io.ErrUnexpectedEOF
	if c.last {
		return nil
	}
	return err
}

func (p *pipeline) release(c *chunk) error {
	plain, err := p.mode.accept(c)
	if err != nil || len(plain) == 0 {
		return err
	}
	if _, err := p.w.Write(plain); err != nil {
		return fmt.Errorf("write content: %w", err)
	}
	return nil
}

// run reads on this goroutine, opens on as many as there are cores, and writes
// on one. It returns when all of them are done.
func (p *pipeline) run(ctx context.Context, r io.Reader, first *chunk) error {
	workers := min(runtime.GOMAXPROCS(0), maxWorkers)
	p.size = 2*workers + 2
	p.work, p.order, p.free = make(chan *chunk, p.size), make(chan *chunk, p.size), make(chan *chunk, p.size)
	p.made = 1
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for c := range p.work {
				p.mode.open(c)
				c.opened <- struct{}{}
			}
		})
	}
	wg.Go(func() {
		for c := range p.order {
			<-c.opened
			if ctx.Err() == nil {
				if err := p.release(c); err != nil {
					cancel(err)
				}
			}
			p.free <- c
		}
	})
	err := p.read(ctx, r, first)
	if err != nil {
		cancel(err)
	}
	close(p.work)
	close(p.order)
	wg.Wait()
	for len(p.free) > 0 {
		c := <-p.free
		clear(c.data[:cap(c.data)])
	}
	return context.Cause(ctx)
}

// read hands out the chunks in order, each one when it is known whether it is
// the last.
func (p *pipeline) read(ctx context.Context, r io.Reader, c *chunk) error {
	for {
		var next *chunk
		if !c.last {
			var err error
			if next, err = p.nextChunk(ctx); err != nil {
				return err
			}
			if err := p.fill(next, r); err != nil {
				return err
			}
			if next.last && len(next.data) == 0 {
				c.last = true
			}
		}
		if err := p.mode.prepare(c); err != nil {
			return err
		}
		p.work <- c // does not block: there are never more chunks than room
		p.order <- c
		if c.last {
			return nil
		}
		c = next
	}
}

func (p *pipeline) nextChunk(ctx context.Context) (*chunk, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case c := <-p.free:
		return c, nil
	default:
	}
	if p.made < p.size {
		p.made++
		return newChunk(-1), nil
	}
	select {
	case c := <-p.free:
		return c, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
