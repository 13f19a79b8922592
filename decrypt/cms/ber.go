package cms

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	tagOctets            = 0x04
	tagConstructedOctets = 0x24
	constructed          = 0x20
)

// A berReader walks through BER (X.690), one element after the other. It keeps
// the open elements on a stack, and never reads past the end of the outermost.
type berReader struct {
	br   *bufio.Reader
	off  int64
	open []frame

	elements int // read by the current call of der
}

// A frame is an open constructed element.
type frame struct {
	end        int64 // offset that no content may pass
	indefinite bool
}

// An element is an identifier and a length.
type element struct {
	tag    byte
	length int64 // -1: indefinite
}

func newBERReader(r io.Reader) *berReader {
	return &berReader{br: bufio.NewReaderSize(r, 32<<10)}
}

// end returns the offset where the innermost open element must have ended.
func (r *berReader) end() int64 {
	if len(r.open) == 0 {
		return math.MaxInt64
	}
	return r.open[len(r.open)-1].end
}

func (r *berReader) fail(want string) error {
	return &FormatError{Offset: r.off, Want: want}
}

// readErr turns the end of the input into a FormatError and keeps other errors.
func (r *berReader) readErr(err error, want string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &FormatError{Offset: r.off, Want: want, Err: io.ErrUnexpectedEOF}
	}
	if isMalformed(err) { // the armour around the message
		return err
	}
	return fmt.Errorf("read message: %w", err)
}

func (r *berReader) byte(want string) (byte, error) {
	if r.off >= r.end() {
		return 0, r.fail(want)
	}
	b, err := r.br.ReadByte()
	if err != nil {
		return 0, r.readErr(err, want)
	}
	r.off++
	return b, nil
}

// header reads an identifier and a length, and checks the length against the
// elements around it.
func (r *berReader) header(want string) (element, error) {
	tag, err := r.byte(want)
	if err != nil {
		return element{}, err
	}
	if tag&0x1f == 0x1f {
		return element{}, r.fail(want + ", not a tag number above 30")
	}
	n, err := r.byte("length of " + want)
	if err != nil {
		return element{}, err
	}
	e := element{tag: tag, length: int64(n)}
	switch {
	case n == 0x80:
		if tag&constructed == 0 {
			return element{}, r.fail("definite length of a primitive element")
		}
		e.length = -1
		return e, nil
	case n > 0x88:
		return element{}, r.fail("length of at most 8 octets")
	case n > 0x80:
		var u uint64
		for range n & 0x7f {
			b, err := r.byte("length of " + want)
			if err != nil {
				return element{}, err
			}
			u = u<<8 | uint64(b)
		}
		if u > math.MaxInt64 {
			return element{}, r.fail("length below 2^63")
		}
		e.length = int64(u)
	}
	if e.length > r.end()-r.off {
		return element{}, r.fail("length that fits the elements around it")
	}
	return e, nil
}

// enter opens a constructed element whose header was read.
func (r *berReader) enter(e element) error {
	if len(r.open) == maxDepth {
		return &LimitError{"levels of nesting", maxDepth}
	}
	f := frame{end: r.end(), indefinite: e.length < 0}
	if !f.indefinite {
		f.end = r.off + e.length // header checked that this fits
	}
	r.open = append(r.open, f)
	return nil
}

// next reads the header of a constructed element with this tag and opens it.
func (r *berReader) next(tag byte, want string) error {
	start := r.off
	e, err := r.header(want)
	if err != nil {
		return err
	}
	if e.tag != tag {
		return &FormatError{Offset: start, Want: want}
	}
	return r.enter(e)
}

// atEnd tells whether the innermost open element has no more content.
func (r *berReader) atEnd() (bool, error) {
	f := r.open[len(r.open)-1]
	if !f.indefinite {
		return r.off == f.end, nil
	}
	b, err := r.br.Peek(1)
	if err != nil {
		return false, r.readErr(err, "end-of-contents")
	}
	return b[0] == 0, nil
}

// leave closes the innermost open element, which must be at its end.
func (r *berReader) leave() error {
	f := r.open[len(r.open)-1]
	if !f.indefinite && r.off != f.end {
		return r.fail("end of element")
	}
	if f.indefinite {
		for range 2 {
			b, err := r.byte("end-of-contents")
			if err != nil {
				return err
			}
			if b != 0 {
				return r.fail("end-of-contents")
			}
		}
	}
	r.open = r.open[:len(r.open)-1]
	return nil
}

// peekTag returns the tag of the next element, or 0 at the end of the innermost
// open element.
func (r *berReader) peekTag() (byte, error) {
	if end, err := r.atEnd(); end || err != nil {
		return 0, err
	}
	b, err := r.br.Peek(1)
	if err != nil {
		return 0, r.readErr(err, "element")
	}
	return b[0], nil
}

// der reads one element of at most limit bytes that has this tag, be it
// primitive or constructed, and returns it with definite lengths and with its
// octet strings in one piece.
func (r *berReader) der(tag byte, what string, limit int) ([]byte, error) {
	if found, err := r.peekTag(); err != nil {
		return nil, err
	} else if found&^constructed != tag&^constructed {
		return nil, r.fail(what)
	}
	var buf bytes.Buffer
	r.elements = 0
	stop := r.off + int64(limit)
	if err := r.appendDER(&buf, what, stop); err != nil {
		if err == errTooLong {
			err = &LimitError{"bytes of " + what, int64(limit)}
		}
		return nil, err
	}
	return buf.Bytes(), nil
}

var errTooLong = errors.New("element too long")

func (r *berReader) appendDER(buf *bytes.Buffer, what string, stop int64) error {
	e, err := r.header(what)
	if err != nil {
		return err
	}
	if e.length > stop-r.off || r.off > stop {
		return errTooLong
	}
	if r.elements++; r.elements > maxElements {
		return &LimitError{"elements in " + what, maxElements}
	}
	if e.tag&constructed == 0 {
		buf.Write(appendHeader(nil, e.tag, int(e.length)))
		// CopyN grows buf by what arrives, not by what the length claims.
		n, err := io.CopyN(buf, r.br, e.length)
		r.off += n
		if err != nil {
			return r.readErr(err, what)
		}
		return nil
	}

	if err := r.enter(e); err != nil {
		return err
	}
	var content bytes.Buffer
	for {
		if end, err := r.atEnd(); err != nil {
			return err
		} else if end {
			break
		}
		if err := r.appendDER(&content, what, stop); err != nil {
			return err
		}
	}
	if err := r.leave(); err != nil {
		return err
	}
	tag, body := e.tag, content.Bytes()
	if tag == tagConstructedOctets {
		tag = tagOctets
		if body, err = joinOctets(body); err != nil {
			return err
		}
	}
	buf.Write(appendHeader(nil, tag, len(body)))
	buf.Write(body)
	return nil
}

// joinOctets puts together the octet strings in DER.
func joinOctets(der []byte) ([]byte, error) {
	var joined []byte
	s := cryptobyte.String(der)
	for !s.Empty() {
		var part cryptobyte.String
		if !s.ReadASN1(&part, asn1.OCTET_STRING) {
			return nil, malformed("octet string in a constructed octet string")
		}
		joined = append(joined, part...)
	}
	return joined, nil
}

// appendHeader appends an identifier and a definite length, in DER.
func appendHeader(b []byte, tag byte, length int) []byte {
	b = append(b, tag)
	if length < 0x80 {
		return append(b, byte(length))
	}
	n := 1
	for length>>(8*n) != 0 {
		n++
	}
	b = append(b, 0x80|byte(n))
	for n--; n >= 0; n-- {
		b = append(b, byte(length>>(8*n)))
	}
	return b
}
