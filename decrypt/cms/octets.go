package cms

import "io"

// octets reads the value of the encryptedContent: a primitive octet string, or
// a constructed one with octet strings inside, at any depth.
type octets struct {
	r     *berReader
	left  int64 // unread bytes of the current primitive string
	base  int   // open elements around the content
	total int64
	empty int64 // strings without a byte of their own
}

// openOctets begins the content, whose header was read.
func openOctets(r *berReader, e element) (*octets, error) {
	o := &octets{r: r, base: len(r.open)}
	if e.tag&constructed == 0 {
		o.left = e.length
		return o, nil
	}
	return o, r.enter(e)
}

// size returns the number of bytes left if it is known, else -1.
func (o *octets) size() int64 {
	if len(o.r.open) == o.base {
		return o.left
	}
	return -1
}

// Read returns io.EOF after the content was read to its proper end.
func (o *octets) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for o.left == 0 {
		if len(o.r.open) == o.base {
			return 0, io.EOF
		}
		if err := o.advance(); err != nil {
			return 0, err
		}
	}
	n, err := o.r.br.Read(p[:min(int64(len(p)), o.left)])
	o.left -= int64(n)
	o.r.off += int64(n)
	o.total += int64(n)
	if err != nil {
		err = o.r.readErr(err, "encrypted content")
	}
	return n, err
}

// advance goes on to the next string inside a constructed one.
func (o *octets) advance() error {
	end, err := o.r.atEnd()
	if err != nil {
		return err
	}
	if end {
		return o.r.leave()
	}
	start := o.r.off
	e, err := o.r.header("octet string")
	if err != nil {
		return err
	}
	if e.length <= 0 {
		if o.empty++; o.empty > freeEmptyChunks+o.total/64 {
			return &LimitError{"empty octet strings", freeEmptyChunks}
		}
	}
	switch e.tag {
	case tagOctets:
		o.left = e.length
		return nil
	case tagConstructedOctets:
		return o.r.enter(e)
	}
	return &FormatError{Offset: start, Want: "octet string"}
}
