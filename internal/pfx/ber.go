package pfx

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxDepth bounds the nesting of elements. Ordinary files need about 12.
const maxDepth = 32

const (
	constructed      = 0x20
	octetsInChunks   = byte(asn1.OCTET_STRING) | constructed
	endOfContents    = 0x00
	indefiniteLength = 0x80
)

var errCut = fmt.Errorf("%w: it ends too early", ErrDamaged)

// toDER returns data, one BER element, in DER as far as its structure goes:
// definite and minimal lengths, octet strings in one piece. It does not look into
// octet strings, so what they hold (certificates, what a MAC covers) stays as it
// is. The result may share memory with data.
func toDER(data []byte) ([]byte, error) {
	der, rest, err := elementToDER(data, 0)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: there is more data after its end", ErrDamaged)
	}
	return der, nil
}

func elementToDER(in []byte, depth int) (der, rest []byte, err error) {
	if depth > maxDepth {
		return nil, nil, &LimitError{"levels of nesting", maxDepth}
	}
	h, err := readHeader(in)
	if err != nil {
		return nil, nil, err
	}
	body := in[h.size:]
	if !h.indefinite {
		if h.length > len(body) {
			return nil, nil, errCut
		}
		body, rest = body[:h.length], body[h.length:]
	}
	whole := in[:len(in)-len(rest)] // when definite
	if h.tag&constructed == 0 {
		if h.indefinite {
			return nil, nil, fmt.Errorf("%w: a primitive element without length", ErrDamaged)
		}
		if h.minimal {
			return whole, rest, nil
		}
		return encode(h.tag, body), rest, nil
	}

	same := h.minimal && !h.indefinite && h.tag != octetsInChunks
	var content []byte
	for {
		if h.indefinite && len(body) >= 2 && body[0] == endOfContents && body[1] == 0 {
			rest = body[2:]
			break
		}
		if len(body) == 0 {
			if h.indefinite {
				return nil, nil, errCut
			}
			break
		}
		child, after, err := elementToDER(body, depth+1)
		if err != nil {
			return nil, nil, err
		}
		same = same && &child[0] == &body[0] && len(child) == len(body)-len(after)
		if h.tag == octetsInChunks && child[0] == byte(asn1.OCTET_STRING) {
			// Other elements are no chunks: gpgsm 2.4 marks the octet string around
			// a key as constructed, though it holds the key itself.
			chunk := cryptobyte.String(child)
			chunk.ReadASN1((*cryptobyte.String)(&child), asn1.OCTET_STRING)
		}
		content = append(content, child...)
		body = after
	}
	if same {
		return whole, rest, nil
	}
	if h.tag == octetsInChunks {
		h.tag = byte(asn1.OCTET_STRING)
	}
	return encode(h.tag, content), rest, nil
}

type header struct {
	tag        byte
	size       int // of the header itself
	length     int
	indefinite bool
	minimal    bool // the length is in its shortest form
}

func readHeader(in []byte) (header, error) {
	if len(in) < 2 {
		return header{}, errCut
	}
	h := header{tag: in[0], size: 2, minimal: true}
	if h.tag&0x1f == 0x1f || h.tag == endOfContents {
		return header{}, fmt.Errorf("%w: unexpected tag 0x%02x", ErrDamaged, h.tag)
	}
	first := in[1]
	switch {
	case first < 0x80:
		h.length = int(first)
	case first == indefiniteLength:
		h.indefinite = true
	default:
		n := int(first & 0x7f)
		if len(in) < 2+n {
			return header{}, errCut
		}
		for _, b := range in[2 : 2+n] {
			if h.length > 1<<22 {
				return header{}, errCut // longer than any input
			}
			h.length = h.length<<8 | int(b)
		}
		h.size += n
		h.minimal = in[2] != 0 && h.length >= 0x80
	}
	return h, nil
}

func encode(tag byte, content []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.Tag(tag), func(b *cryptobyte.Builder) { b.AddBytes(content) })
	return b.BytesOrPanic() // can't fail: content is shorter than 4 GiB
}

// implicitOctets returns the octets of an implicitly tagged octet string, in one
// piece or, with the constructed bit, in chunks. toDER can't join these chunks,
// since only their place tells them from an explicit tag.
func implicitOctets(s *cryptobyte.String, tag asn1.Tag) ([]byte, bool) {
	var content cryptobyte.String
	if s.PeekASN1Tag(tag) {
		return content, s.ReadASN1(&content, tag)
	}
	if !s.ReadASN1(&content, tag.Constructed()) {
		return nil, false
	}
	var octets []byte
	for !content.Empty() {
		var chunk cryptobyte.String
		if !content.ReadASN1(&chunk, asn1.OCTET_STRING) {
			return nil, false
		}
		octets = append(octets, chunk...)
	}
	return octets, true
}
