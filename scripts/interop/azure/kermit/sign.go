package main

import (
	"net/http"

	"azure.test/sharedkey"
	"github.com/Azure/go-autorest/autorest"
)

// A sharedKey is an account and its key.
type sharedKey struct {
	account string
	key     []byte
}

// WithAuthorization is the client's way to ask for a signature.
func (k sharedKey) WithAuthorization() autorest.PrepareDecorator {
	return func(next autorest.Preparer) autorest.Preparer {
		return autorest.PreparerFunc(func(r *http.Request) (*http.Request, error) {
			r, err := next.Prepare(r)
			if err == nil {
				sharedkey.Sign(r, k.account, k.key)
			}
			return r, err
		})
	}
}
