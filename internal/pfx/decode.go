package pfx

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// Decode reads a PFX file. Its errors are [ErrPassword], [ErrDamaged], [ErrNoKey],
// [ErrNoCertificate], [*MismatchError], [*AmbiguousError], [*ThumbprintError],
// [*UnsupportedError], [*LimitError] and the context's. It may be called
// concurrently; data is only read.
func Decode(ctx context.Context, data []byte, password string, opts Options) (*Bundle, error) {
	b, err := decode(ctx, data, password, opts)
	if err != nil {
		return nil, fmt.Errorf("read PFX: %w", err)
	}
	return b, nil
}

func decode(ctx context.Context, data []byte, password string, opts Options) (*Bundle, error) {
	limits := opts.Limits.withDefaults()
	if len(data) > limits.Size {
		return nil, &LimitError{"bytes of PFX", int64(limits.Size)}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key, leaf, rest, err := pkcs12.DecodeChain(data, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, ErrPassword
	case err != nil:
		return nil, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	certs := append([]*x509.Certificate{leaf}, rest...)
	return pick([]crypto.PrivateKey{key}, certs, opts.Thumbprint)
}
