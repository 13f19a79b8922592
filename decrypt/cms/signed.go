package cms

import (
	"fmt"
	"io"
)

// SignedContent copies the content of a signed message (RFC 5652, SignedData, with
// or without a ContentInfo around it) from r to w, in constant memory. Such a
// message is often what an encrypted one holds.
//
// It checks no signature: the content is not more genuine than r is. A message
// without content, which signs something elsewhere, is an *[UnsupportedError], as
// is a ContentInfo of another type. Other errors are *[FormatError], *[LimitError],
// and those of r and w; what was written may then be a part. If r is the content
// of a message without integrity, they should not be told to who sent it.
//
// SignedContent reads r to the end of the signed message; as with [ReadHeader], a
// *[bufio.Reader] of 32 KiB is left there.
func SignedContent(r io.Reader, w io.Writer) error {
	br := newBERReader(r)
	content, err := openSigned(br)
	if err != nil {
		return err
	}
	if err := copyOctets(w, content); err != nil {
		return err
	}
	for len(br.open) > 0 {
		if err := br.leaveRest("signatures"); err != nil {
			return err
		}
	}
	return nil
}

// openSigned reads up to the content.
func openSigned(r *berReader) (*octets, error) {
	if err := r.next(tagSequence, "SignedData"); err != nil {
		return nil, err
	}
	tag, err := r.peekTag()
	if err != nil {
		return nil, err
	}
	if tag == tagOID {
		oid, err := r.oid("content type")
		if err != nil {
			return nil, err
		}
		if !oid.Equal(oidSignedData) {
			return nil, &UnsupportedError{"signed message", contentTypeName(oid)}
		}
		if err := r.next(tagExplicit0, "content of ContentInfo"); err != nil {
			return nil, err
		}
		if err := r.next(tagSequence, "SignedData"); err != nil {
			return nil, err
		}
	}
	if err := r.skip(tagInteger, "version", maxInteger); err != nil {
		return nil, err
	}
	if err := r.skip(tagSet, "digest algorithms", maxAttributes); err != nil {
		return nil, err
	}
	if err := r.next(tagSequence, "EncapsulatedContentInfo"); err != nil {
		return nil, err
	}
	if _, err := r.oid("type of the signed content"); err != nil {
		return nil, err
	}
	if end, err := r.atEnd(); err != nil {
		return nil, err
	} else if end {
		return nil, &UnsupportedError{"signed message", "without its content (a detached signature)"}
	}
	if err := r.next(tagExplicit0, "signed content"); err != nil {
		return nil, err
	}
	start := r.off
	e, err := r.header("signed content")
	if err != nil {
		return nil, err
	}
	if e.tag&^constructed != tagOctets {
		return nil, &FormatError{Offset: start, Want: "octet string"}
	}
	return openOctets(r, e)
}

// copyOctets tells errors of writing from those of reading.
func copyOctets(w io.Writer, content *octets) error {
	buf := make([]byte, chunkSize)
	for {
		n, err := content.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return fmt.Errorf("write content: %w", err)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// leaveRest closes the innermost open element after reading over what is left in
// it.
func (r *berReader) leaveRest(what string) error {
	for start := r.off; ; {
		tag, err := r.peekTag()
		if err != nil {
			return err
		}
		if tag == 0 {
			return r.leave()
		}
		if err := r.skip(tag, what, max(0, maxRecipientSize-int(r.off-start))); err != nil {
			return err
		}
	}
}
