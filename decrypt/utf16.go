package decrypt

import (
	"bufio"
	"io"
)

// A utf16Reader turns UTF-16 into ASCII, as armour is ASCII whatever its
// encoding. Other characters become 0x80, which no armour has.
type utf16Reader struct {
	br   *bufio.Reader
	high int // index of the high byte in each pair
}

func (r *utf16Reader) Read(p []byte) (int, error) {
	for n := range p {
		if n > 0 && r.br.Buffered() < 2 {
			return n, nil // rather than wait for more
		}
		var pair [2]byte
		if _, err := io.ReadFull(r.br, pair[:]); err == io.ErrUnexpectedEOF {
			return n, &FormatError{Offset: -1, Want: "UTF-16 in whole characters"}
		} else if err != nil {
			return n, err
		}
		p[n] = pair[1-r.high]
		if pair[r.high] != 0 || p[n] >= 0x80 {
			p[n] = 0x80
		}
	}
	return len(p), nil
}
