package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"poolcert/batch"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
)

// recipients finds the certificates of --to and --pool, each once.
func (f *sealFlags) recipients(ctx context.Context, acct *accountFlags) ([]*x509.Certificate, error) {
	names := slices.Clone(f.to)
	for _, pool := range f.pools {
		thumbprints, err := poolThumbprints(ctx, acct, pool)
		if err != nil {
			return nil, err
		}
		names = append(names, thumbprints...)
	}
	var certs []*x509.Certificate
	for _, name := range names {
		cert, err := recipient(ctx, acct, name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(certs, cert.Equal) {
			certs = append(certs, cert)
		}
	}
	return certs, nil
}

// poolThumbprints returns the certificates that tasks of a pool may use.
func poolThumbprints(ctx context.Context, acct *accountFlags, pool string) ([]string, error) {
	var thumbprints []string
	err := withPool(acct, pool, func(client *batch.Client, id string) error {
		p, err := client.Pool(ctx, id)
		if err != nil {
			return err
		}
		for _, r := range p.CertificateReferences {
			if slices.Contains(r.WithDefaults().Visibility, batch.Task) {
				thumbprints = append(thumbprints, r.Thumbprint.String())
			}
		}
		if len(thumbprints) == 0 {
			return cli.Hint(errors.New("it refers to no certificate that tasks may use"), "'poolcert pool set-certs' gives it one, with visibility=task")
		}
		return nil
	})
	return thumbprints, err
}

func recipient(ctx context.Context, acct *accountFlags, name string) (*x509.Certificate, error) {
	data, err := readFileLimited(name, maxPFX)
	if err == nil {
		cert, err := pfx.DecodeCER(data)
		if err != nil {
			return nil, cli.Hint(fmt.Errorf("recipient %s: %w", name, err), "give the public certificate, in DER or PEM")
		}
		return cert, nil
	}
	tp, perr := batch.ParseThumbprint(name)
	if perr != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, cli.Hint(cli.Usagef("recipient %s: no such file, and not a thumbprint", cli.Text(name)), "give a certificate file, or the 40 digits that 'poolcert cert list' shows")
		}
		return nil, fmt.Errorf("recipient %s: %w", name, err)
	}
	client, err := acct.client()
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, err)
	}
	c, err := client.Certificate(ctx, tp)
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, explain(err))
	}
	cert, err := parsePublic(c)
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, err)
	}
	if batch.ThumbprintOf(cert) != tp {
		return nil, fmt.Errorf("recipient %s: the service sent another certificate", tp)
	}
	return cert, nil
}
