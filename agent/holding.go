package agent

import (
	"context"
	"fmt"

	"poolcert/batch"
	"poolcert/internal/erase"
	"poolcert/internal/nodeapi"
	"poolcert/internal/pfx"
	"poolcert/store"
)

// A holding is a certificate whose bytes the node has, checked. It is never changed.
//
// A thumbprint names one certificate with one key, so what is held is not
// fetched again, even if the account has it anew in another file: file and
// password of a holding belong together.
type holding struct {
	certificate *nodeapi.Certificate
	bundle      *pfx.Bundle
}

// newHolding decodes c and checks that it is the certificate that thumbprint names.
func newHolding(ctx context.Context, thumbprint batch.Thumbprint, c *nodeapi.Certificate) (*holding, error) {
	if len(c.Data) > nodeapi.MaxData || len(c.Password) > nodeapi.MaxPassword {
		return nil, fmt.Errorf("the certificate is larger than %d bytes, or its password than %d", nodeapi.MaxData, nodeapi.MaxPassword)
	}
	if c.Format != batch.FormatCER {
		var bundle *pfx.Bundle
		var err error
		erase.Do(func() {
			bundle, err = pfx.Decode(ctx, c.Data, string(c.Password), pfx.Options{Thumbprint: thumbprint})
		})
		if err != nil {
			return nil, err
		}
		return &holding{c, bundle}, nil
	}
	cert, err := pfx.DecodeCER(c.Data)
	if err != nil {
		return nil, err
	}
	if got := batch.ThumbprintOf(cert); got != thumbprint {
		return nil, fmt.Errorf("the service sent the certificate with thumbprint %s", got)
	}
	return &holding{c, &pfx.Bundle{Leaf: cert}}, nil
}

func (h *holding) entry(r batch.CertificateReference) store.Entry {
	return store.Entry{
		Reference: r,
		Format:    h.certificate.Format,
		Data:      h.certificate.Data,
		Password:  h.certificate.Password,
		Bundle:    h.bundle,
	}
}
