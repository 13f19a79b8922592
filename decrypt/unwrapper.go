package decrypt

import (
	"context"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
)

// An Unwrapper does the private-key operations that messages need: one for each
// of the kinds of messages. Only what it is given here leaves the process when
// the private keys are elsewhere.
type Unwrapper interface {
	cms.Unwrapper
	jwe.Unwrapper
	RSAOpener
}

// Keys returns an Unwrapper that uses the private keys of src.
func Keys(src KeySource) Unwrapper {
	return keys{cms.Keys(src), jwe.Keys(src), src}
}

type keys struct {
	cms.Unwrapper
	jwe jwe.Unwrapper
	src KeySource
}

func (k keys) UnwrapJWE(ctx context.Context, w *jwe.WrappedKey) ([][]byte, error) {
	return k.jwe.UnwrapJWE(ctx, w)
}

func (k keys) OpenRSA(ctx context.Context, b *RSABlock) ([]byte, error) {
	secret, _, err := b.Open(ctx, k.src)
	return secret, err
}
