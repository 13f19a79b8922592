package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

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

// poolThumbprints returns the certificates that tasks of a pool may use, but not
// those that it keeps for old secrets only.
func poolThumbprints(ctx context.Context, acct *accountFlags, pool string) ([]string, error) {
	var thumbprints []string
	err := withPool(acct, pool, func(client *batch.Client, id string) error {
		p, err := client.Pool(ctx, id)
		if err != nil {
			return err
		}
		for i, r := range p.CertificateReferences {
			if isCurrent(p.CertificateReferences, i) && slices.Contains(r.WithDefaults().Visibility, batch.Task) {
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
			err = fmt.Errorf("recipient %s: %w", name, err)
			if isPFX(ctx, data) {
				return nil, cli.Hint(err, "it is a PFX, and the public certificate is wanted: 'openssl pkcs12 -in FILE -clcerts -nokeys -out NEW.crt' takes it out; once it is in the account, --to takes its name")
			}
			return nil, cli.Hint(err, "give the public certificate, in DER or PEM")
		}
		return cert, nil
	}
	tp, perr := batch.ParseThumbprint(name)
	if perr != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("recipient %s: %w", name, err)
		}
		return namedRecipient(ctx, acct, name)
	}
	client, err := acct.client()
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, err)
	}
	c, err := client.Certificate(ctx, tp)
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, explain(err))
	}
	return publicOf(c, tp)
}

// namedRecipient returns the certificate that a name of the account stands for.
func namedRecipient(ctx context.Context, acct *accountFlags, text string) (*x509.Certificate, error) {
	nothing := func(what string) error {
		return cli.Hint(cli.Usagef("recipient %s: %s", cli.Text(text), what), "give a certificate file, or the 40 digits or the name that 'poolcert cert list' shows")
	}
	given, explicit := strings.CutPrefix(text, nameOption)
	name, err := batch.ParseCertificateName(given)
	if err != nil {
		return nil, nothing("no such file, and neither a thumbprint nor a name")
	}
	client, err := acct.client()
	if err != nil {
		if explicit {
			return nil, fmt.Errorf("recipient %s: %w", text, err)
		}
		return nil, nothing("no such file, and not a thumbprint")
	}
	current, err := currentCertificate(ctx, client, name)
	switch {
	case errors.Is(err, &batch.Error{Code: batch.CodeNameNotFound}) && !explicit:
		return nil, nothing("no such file, and not a thumbprint; nor has the account a certificate under this name")
	case err != nil:
		return nil, fmt.Errorf("recipient %s: %w", text, explain(err))
	}
	if current.State != batch.StateActive {
		return nil, cli.Hint(fmt.Errorf("recipient %s: its certificate %s is in the state %s", text, current.Thumbprint, current.State), "add its successor with 'poolcert cert add --name %s', or keep it with 'poolcert cert cancel-delete %s'", name, current.Thumbprint)
	}
	return publicOf(&current.Certificate, current.Thumbprint)
}

// publicOf returns the certificate that the service told, if it is the one with that
// thumbprint.
func publicOf(c *batch.Certificate, tp batch.Thumbprint) (*x509.Certificate, error) {
	cert, err := parsePublic(c)
	if err != nil {
		return nil, fmt.Errorf("recipient %s: %w", tp, err)
	}
	if batch.ThumbprintOf(cert) != tp {
		return nil, fmt.Errorf("recipient %s: the service sent another certificate", tp)
	}
	return cert, nil
}
