package pfx

import (
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// Encode writes the bundle's key, leaf and chain as a PFX file in the form that
// every current system reads: AES-256-CBC with PBKDF2-HMAC-SHA-256, and a MAC with
// SHA-256 (OpenSSL 1.1.1, Java 12, Windows Server 2019 and later). Its 2048 rounds
// protect a random password, not a guessable one.
func Encode(b *Bundle, password string) ([]byte, error) {
	data, err := pkcs12.Modern2023.Encode(b.Key, b.Leaf, b.Chain, password)
	if err != nil {
		return nil, fmt.Errorf("write PFX: %w", err)
	}
	return data, nil
}
