package pfx

import (
	"context"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// Encode writes the bundle's key, leaf and chain as a PFX file in the form that
// every current system reads: AES-256-CBC with PBKDF2-HMAC-SHA-256, and a MAC with
// SHA-256 (OpenSSL 1.1.1, Java 12, Windows Server 2019 and later). Its 2048 rounds
// protect a random password, not a guessable one. A password with characters
// outside the Basic Multilingual Plane, such as emoji, is refused: systems differ
// about it.
func Encode(b *Bundle, password string) ([]byte, error) {
	for _, r := range password {
		if r > 0xffff {
			return nil, errors.New("write PFX: the password has characters, such as emoji, that systems read in different ways")
		}
	}
	data, err := pkcs12.Modern2023.Encode(b.Key, b.Leaf, b.Chain, password)
	if err != nil {
		return nil, fmt.Errorf("write PFX: %w", err)
	}
	return data, nil
}

// Normalize decodes a file and encodes what it holds under newPassword, with a MAC
// where there was none: the warnings tell. Friendly names and whatever is neither
// the key nor a certificate are lost. The errors are those of [Decode] and [Encode].
func Normalize(ctx context.Context, data []byte, password, newPassword string, opts Options) ([]byte, []Warning, error) {
	b, err := Decode(ctx, data, password, opts)
	if err != nil {
		return nil, nil, err
	}
	out, err := Encode(b, newPassword)
	return out, b.Warnings, err
}
