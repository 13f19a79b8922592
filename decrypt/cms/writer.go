package cms

import (
	"bytes"
	encasn1 "encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var errClosed = errors.New("cms: write to a closed message")

// A writer holds back one chunk of plaintext, and once that is full turns to
// BER with indefinite lengths.
type writer struct {
	w          io.Writer
	typ        encasn1.ObjectIdentifier
	version    int64
	recipients [][]byte
	cipher     encrypter

	buf     []byte
	started bool // the header was written
	err     error
}

func (e *writer) Write(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n := len(p)
	for len(p) > 0 {
		if len(e.buf) == chunkSize {
			if e.err = e.flush(); e.err != nil {
				return n - len(p), e.err
			}
		}
		k := min(len(p), chunkSize-len(e.buf))
		e.buf = append(e.buf, p[:k]...)
		p = p[k:]
	}
	return n, nil
}

// Close writes what is left. Only its first call does anything.
func (e *writer) Close() error {
	if e.err != nil {
		if e.err == errClosed {
			return nil
		}
		return e.err
	}
	if e.err = e.finish(); e.err != nil {
		return e.err
	}
	e.err = errClosed
	return nil
}

func (e *writer) write(b []byte) error {
	if _, err := e.w.Write(b); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// flush writes a full chunk that is not the last.
func (e *writer) flush() error {
	if !e.started {
		header, err := e.indefiniteHeader()
		if err != nil {
			return err
		}
		if err := e.write(header); err != nil {
			return err
		}
		e.started = true
	}
	return e.writeChunk(false)
}

// writeChunk encrypts and writes the buffer as an octet string.
func (e *writer) writeChunk(last bool) error {
	data, err := e.cipher.encrypt(e.buf, last)
	if err != nil {
		return err
	}
	if err := e.write(appendHeader(nil, tagOctets, len(data))); err != nil {
		return err
	}
	if err := e.write(data); err != nil {
		return err
	}
	e.buf = data[:0]
	return nil
}

func (e *writer) finish() error {
	if !e.started {
		return e.writeDER()
	}
	if err := e.writeChunk(true); err != nil {
		return err
	}
	end := make([]byte, 4) // of the content and its EncryptedContentInfo
	if mac := e.cipher.mac(); mac != nil {
		end = append(appendHeader(end, tagOctets, len(mac)), mac...)
	}
	return e.write(append(end, make([]byte, 6)...))
}

// indefiniteHeader returns everything up to the first piece of content.
func (e *writer) indefiniteHeader() ([]byte, error) {
	var b cryptobyte.Builder
	open := func(tag byte) { b.AddBytes([]byte{tag, 0x80}) }
	open(tagSequence)
	b.AddASN1ObjectIdentifier(e.typ)
	open(tagExplicit0)
	open(tagSequence)
	b.AddASN1Int64(e.version)
	e.addRecipients(&b)
	open(tagSequence)
	b.AddASN1ObjectIdentifier(oidData)
	algorithm, err := e.cipher.algorithm()
	if err != nil {
		return nil, err
	}
	b.AddBytes(algorithm)
	open(tagContentInPieces)
	return b.Bytes()
}

// writeDER writes the whole message with definite lengths.
func (e *writer) writeDER() error {
	algorithm, err := e.cipher.algorithm()
	if err != nil {
		return err
	}
	content, err := e.cipher.encrypt(e.buf, true)
	if err != nil {
		return err
	}
	mac := e.cipher.mac()
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(e.typ)
		b.AddASN1(asn1.Tag(tagExplicit0), func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(e.version)
				e.addRecipients(b)
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidData)
					b.AddBytes(algorithm)
					b.AddASN1(asn1.Tag(tagContent), func(b *cryptobyte.Builder) { b.AddBytes(content) })
				})
				if mac != nil {
					b.AddASN1OctetString(mac)
				}
			})
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return err
	}
	return e.write(der)
}

func (e *writer) addRecipients(b *cryptobyte.Builder) {
	sorted := slices.Clone(e.recipients)
	slices.SortFunc(sorted, bytes.Compare) // as DER wants a SET OF
	b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
		for _, r := range sorted {
			b.AddBytes(r)
		}
	})
}
