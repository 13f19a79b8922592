// Package pfx reads and writes PKCS #12 (PFX) files, RFC 7292.
//
// Call [Decode] for the certificate, key and chain in a file, [DecodeCER] for a
// certificate without key, [Encode] to write a file that every system reads.
//
// Decode takes what users have, from any producer, and is safe against hostile
// files: size, nesting and the work that a file may ask for are limited before
// they are spent, and all of it ends with the context. It promises that the
// returned leaf certificate belongs to the returned key. It does not check
// validity times, signatures or trust, and a file without a MAC may have been
// changed by anyone: see [Bundle].Warnings.
//
// Do not marshal a [Bundle]: it holds the key. The errors of this package hold
// neither passwords nor keys, and may be shown to whoever brought the file.
package pfx

import (
	"crypto"
	"crypto/x509"
	"log/slog"
	"time"

	"poolcert/batch"
)

// A Bundle is what one PFX file holds for us.
type Bundle struct {
	// Leaf is the certificate that belongs to Key.
	Leaf *x509.Certificate

	// Key is a *rsa.PrivateKey, *ecdsa.PrivateKey, *ecdh.PrivateKey (X25519)
	// or ed25519.PrivateKey.
	Key crypto.PrivateKey

	// Chain is the other certificates, in the file's order, each one once. They
	// need not be a chain: a file may hold whatever its producer put in.
	Chain []*x509.Certificate

	// Warnings are what the user should know of a file that was accepted.
	Warnings []Warning
}

// String and LogValue name the certificate, and keep the key out of messages and logs.
func (b *Bundle) String() string { return "PFX of certificate " + batch.ThumbprintOf(b.Leaf).String() }

// LogValue implements [slog.LogValuer].
func (b *Bundle) LogValue() slog.Value { return slog.StringValue(b.String()) }

// A Warning is a sentence for the user.
type Warning string

const (
	// NoMAC: anyone may have changed the file.
	NoMAC Warning = "the PFX file has no MAC: nobody can tell whether it was changed since it was made"

	// FirstTaken: no thumbprint was given, and one key has several certificates.
	FirstTaken Warning = "several certificates in the PFX file belong to its private key: the first one was taken"

	// Skipped: the file holds a key or a certificate more that can't be read.
	Skipped Warning = "a key or certificate in the PFX file that is not understood was left out"
)

// Options say what to read from a file. The zero value is good.
type Options struct {
	// Thumbprint selects among several keys. Zero: the only one with a certificate.
	Thumbprint batch.Thumbprint

	// Limits bound the work for one file.
	Limits Limits
}

// Limits bound what one file may cost. A zero field takes its default.
type Limits struct {
	// Size is in bytes of input, before anything is parsed. Default: 1 MiB.
	Size int

	// Rounds is the sum of the iterations of all key derivations that the file
	// asks for. Default: 10,000,000, which takes a few seconds.
	Rounds int64

	// Memory is in bytes, for one scrypt derivation. Default: 64 MiB.
	Memory int64

	// Time is for the whole file. Default: 10 s.
	Time time.Duration
}

func (l Limits) withDefaults() Limits {
	if l.Size == 0 {
		l.Size = 1 << 20
	}
	if l.Rounds == 0 {
		l.Rounds = 10_000_000
	}
	if l.Memory == 0 {
		l.Memory = 64 << 20
	}
	if l.Time == 0 {
		l.Time = 10 * time.Second
	}
	return l
}
