package main

import (
	"net/http"

	"github.com/Azure/go-autorest/autorest"
	"github.com/jackofallops/kermit/sdk/batch/2022-01.15.0/batch"
)

type clients struct {
	certificates batch.CertificateClient
	pools        batch.PoolClient
	nodes        batch.ComputeNodeClient
}

// newClients makes clients of the account. Each change may alter a request before
// it is signed.
func newClients(s setup, change ...func(*http.Request)) clients {
	return signedBy(s, sharedKey{s.Account, s.Key}, change...)
}

func signedBy(s setup, by autorest.Authorizer, change ...func(*http.Request)) clients {
	c := clients{batch.NewCertificateClient(s.URL), batch.NewPoolClient(s.URL), batch.NewComputeNodeClient(s.URL)}
	for _, base := range []*batch.BaseClient{&c.certificates.BaseClient, &c.pools.BaseClient, &c.nodes.BaseClient} {
		base.Authorizer = changing{by, change}
		base.RetryAttempts = 1
	}
	return c
}

type changing struct {
	by     autorest.Authorizer
	change []func(*http.Request)
}

func (c changing) WithAuthorization() autorest.PrepareDecorator {
	sign := c.by.WithAuthorization()
	return func(next autorest.Preparer) autorest.Preparer {
		return sign(autorest.PreparerFunc(func(r *http.Request) (*http.Request, error) {
			r, err := next.Prepare(r)
			if err == nil {
				for _, change := range c.change {
					change(r)
				}
			}
			return r, err
		}))
	}
}
