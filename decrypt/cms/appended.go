package cms

import (
	"bufio"
	"io"
)

// An appendedTag reads content whose last bytes are its tag. No RFC has AES-GCM in
// EnvelopedData, but PKI.js and the PKCS #7 packages for Go write it so.
type appendedTag struct {
	br   *bufio.Reader
	size int
	tag  []byte // set at io.EOF; shorter if all there is is shorter
}

func newAppendedTag(r io.Reader, size int) *appendedTag {
	return &appendedTag{br: bufio.NewReaderSize(r, 64<<10), size: size}
}

// Read returns what is surely not of the tag.
func (t *appendedTag) Read(p []byte) (int, error) {
	b, err := t.br.Peek(t.size + 1)
	switch {
	case len(b) > t.size:
		return t.br.Read(p[:min(len(p), t.br.Buffered()-t.size)])
	case err == io.EOF:
		t.tag = b
	}
	return 0, err
}
