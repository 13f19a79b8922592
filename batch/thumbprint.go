package batch

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// SHA1 is the only thumbprint algorithm of the API.
const SHA1 = "sha1"

// A Thumbprint is the SHA-1 digest of a certificate's DER encoding. It names a
// certificate; it proves nothing about it.
type Thumbprint [sha1.Size]byte

// ErrThumbprint is wrapped by every error of [ParseThumbprint].
var ErrThumbprint = errors.New("not a thumbprint")

// ThumbprintOf returns the thumbprint of cert.
func ThumbprintOf(cert *x509.Certificate) Thumbprint {
	return sha1.Sum(cert.Raw)
}

// ParseThumbprint parses 40 hexadecimal digits in any letter case. Spaces and
// colons between the digits are allowed, since people copy them from dialogs.
func ParseThumbprint(s string) (Thumbprint, error) {
	var t Thumbprint
	// Windows dialogs put an invisible left-to-right mark before the digits.
	digits := strings.NewReplacer(" ", "", ":", "", "\u200e", "").Replace(s)
	if len(digits) != hex.EncodedLen(len(t)) {
		return t, fmt.Errorf("%w: %q has %d characters, want 40 hexadecimal digits", ErrThumbprint, clip(s, 60), utf8.RuneCountInString(digits))
	}
	if _, err := hex.Decode(t[:], []byte(digits)); err != nil {
		return Thumbprint{}, fmt.Errorf("%w: %q is not hexadecimal", ErrThumbprint, clip(s, 60))
	}
	return t, nil
}

// IsZero reports whether t is unset.
func (t Thumbprint) IsZero() bool { return t == Thumbprint{} }

// String returns 40 lower-case hexadecimal digits.
func (t Thumbprint) String() string { return hex.EncodeToString(t[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (t Thumbprint) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *Thumbprint) UnmarshalText(text []byte) (err error) {
	*t, err = ParseThumbprint(string(text))
	return err
}

// clip shortens outside text for an error message.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}
