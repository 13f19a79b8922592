package pfx

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"poolcert/batch"
)

// Errors of [Decode] and [DecodeCER]. Test with errors.Is: most are wrapped with
// what was being read.
var (
	// ErrPassword: the password does not open the file. Without a MAC, a damaged
	// file may give this error too.
	ErrPassword = errors.New("wrong password")

	// ErrDamaged: not a PFX file (not a certificate), cut, or changed.
	ErrDamaged = errors.New("the file is damaged, or of another kind")

	// ErrNoKey: the file opens, but has no private key.
	ErrNoKey = errors.New("no private key in the file")

	// ErrNoCertificate: the file opens, but has no certificate.
	ErrNoCertificate = errors.New("no certificate in the file")
)

// A MismatchError says that no certificate in the file belongs to a key in it.
type MismatchError struct {
	Certificates []*x509.Certificate
}

func (e *MismatchError) Error() string {
	return "the private key does not belong to a certificate in the file, which has " + list(e.Certificates)
}

// An AmbiguousError says that several keys have a certificate, and no thumbprint
// says which one is meant.
type AmbiguousError struct {
	Candidates []*x509.Certificate
}

func (e *AmbiguousError) Error() string {
	return "the file has several private keys; name one by the thumbprint of its certificate: " + list(e.Candidates)
}

// A ThumbprintError says that the wanted certificate is not in the file, or not
// with its key.
type ThumbprintError struct {
	Thumbprint batch.Thumbprint
	Candidates []*x509.Certificate // those with keys
}

func (e *ThumbprintError) Error() string {
	return fmt.Sprintf("no certificate with thumbprint %v and its private key in the file, which has %s",
		e.Thumbprint, list(e.Candidates))
}

// An UnsupportedError names what this package does not read.
type UnsupportedError struct {
	Algorithm string // a name where there is one, else an object identifier
}

func (e *UnsupportedError) Error() string { return "unsupported algorithm: " + e.Algorithm }

// A LimitError says that a file asks for more than [Limits], or a fixed limit, allow.
type LimitError struct {
	What string // such as "rounds of key derivation"
	Max  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("too many %s: the limit is %d", e.What, e.Max)
}

// list names certificates for an error; a file may hold thousands.
func list(certs []*x509.Certificate) string {
	if len(certs) == 0 {
		return "none"
	}
	const most = 10
	var b strings.Builder
	for i, c := range certs {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == most {
			fmt.Fprintf(&b, "and %d more", len(certs)-most)
			break
		}
		fmt.Fprintf(&b, "%v (%s)", batch.ThumbprintOf(c), printable(c.Subject.String()))
	}
	return b.String()
}
