package cms

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrDecrypt covers every failure after a recipient matched. It never says
// which step failed: that would be an oracle.
var ErrDecrypt = errors.New("decryption failed")

// ErrNoRecipient means that the message is for other certificates. The error
// that wraps it is a *[NoRecipientError].
var ErrNoRecipient = errors.New("the message is not for any certificate here")

// A NoRecipientError lists whom a message is for. It wraps [ErrNoRecipient].
type NoRecipientError struct {
	Recipients []Recipient
}

func (e *NoRecipientError) Error() string {
	var b strings.Builder
	b.WriteString(ErrNoRecipient.Error())
	if len(e.Recipients) == 0 {
		b.WriteString(": it names no recipient")
	}
	for i, r := range e.Recipients {
		if i == 3 {
			fmt.Fprintf(&b, "; and %d more", len(e.Recipients)-i)
			break
		}
		b.WriteString([]string{": it is for ", "; "}[min(i, 1)])
		b.WriteString(r.String())
	}
	return b.String()
}

func (e *NoRecipientError) Unwrap() error { return ErrNoRecipient }

// A FormatError is malformed input: what was expected, and where. For a message
// that ends too early it wraps [io.ErrUnexpectedEOF].
type FormatError struct {
	Offset int64  // bytes from the start of the message, or -1 if unknown
	Want   string // what was expected there
	Err    error  // the cause, or nil
}

func (e *FormatError) Error() string {
	s := "malformed message"
	if e.Err == io.ErrUnexpectedEOF {
		s = "message ends too early"
	}
	if e.Offset >= 0 {
		s += fmt.Sprintf(" at byte %d", e.Offset)
	}
	s += ": expected " + e.Want
	if e.Err != nil && e.Err != io.ErrUnexpectedEOF {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *FormatError) Unwrap() error { return e.Err }

// An UnsupportedError names something that is valid but that we cannot handle.
type UnsupportedError struct {
	What string // such as "content encryption algorithm"
	Name string // its name, or its OID in dotted form
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("unsupported %s: %s", e.What, e.Name)
}

// A LimitError means that a message exceeds a limit of this package.
type LimitError struct {
	What  string // what there is too much of
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("message exceeds the limit of %d %s", e.Limit, e.What)
}

// malformed is a FormatError in data that was taken out of the stream.
func malformed(want string) error { return &FormatError{Offset: -1, Want: want} }

// isMalformed tells errors in the message from errors of reading it.
func isMalformed(err error) bool {
	var format *FormatError
	var limit *LimitError
	return errors.As(err, &format) || errors.As(err, &limit)
}
