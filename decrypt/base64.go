package decrypt

import (
	"bufio"
	"encoding/base64"
	"io"
)

// newBase64Reader decodes base64 with white space in it. With atEnd nil the text
// goes to the end of br. Otherwise it goes to the first character that is no
// base64, and atEnd checks what stands there.
func newBase64Reader(br *bufio.Reader, atEnd func(*bufio.Reader) error) io.Reader {
	return &base64Reader{base64.NewDecoder(base64.StdEncoding, &digitReader{br: br, atEnd: atEnd})}
}

// A base64Reader makes the decoder's errors those of the message.
type base64Reader struct{ decoder io.Reader }

func (r *base64Reader) Read(p []byte) (int, error) {
	n, err := r.decoder.Read(p)
	if _, ok := err.(base64.CorruptInputError); ok || err == io.ErrUnexpectedEOF {
		err = &FormatError{Offset: -1, Want: "base64", Err: err}
	}
	return n, err
}

// A digitReader passes on what is not white space, up to the end of the text.
type digitReader struct {
	br    *bufio.Reader
	atEnd func(*bufio.Reader) error
	err   error
}

func (r *digitReader) Read(p []byte) (int, error) {
	n := 0
	for n == 0 && len(p) > 0 && r.err == nil {
		if _, err := r.br.Peek(1); err != nil {
			r.err = err
			if err == io.EOF && r.atEnd != nil {
				r.err = r.atEnd(r.br) // tells what is missing
			}
			break
		}
		buffered, _ := r.br.Peek(min(r.br.Buffered(), len(p)))
		taken, ended := 0, false
		for _, b := range buffered {
			if ended = r.atEnd != nil && (b == '-' || b == ']'); ended {
				break
			}
			taken++
			if !isSpace(b) {
				p[n] = b
				n++
			}
		}
		r.br.Discard(taken)
		if ended {
			r.err = r.atEnd(r.br)
		}
	}
	return n, r.err
}
