package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/jwe"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
)

// A finder is a key source that has no keys: it notes which certificates a message
// asks for.
type finder struct {
	known, found []*x509.Certificate
}

// PrivateKey implements [decrypt.KeySource].
func (f *finder) PrivateKey(_ context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	for _, cert := range f.known {
		if match(cert) && !slices.ContainsFunc(f.found, cert.Equal) {
			f.found = append(f.found, cert)
		}
	}
	return nil, nil, decrypt.ErrNoRecipient
}

// message finds the certificate that a message is for, among those of this node and of
// the account. Of several, it is one that this node has, if there is one: it may open the
// message, whatever became of the others.
func (e *explanation) message(ctx context.Context, acct *accountFlags, in io.Reader) (batch.Thumbprint, error) {
	var f finder
	f.addInstalled(e.installed)
	where := "in the account and on this node"
	hint := "seal the secret again, to a certificate that 'poolcert cert list' shows; or is it another account's?"
	if client, err := acct.client(); err != nil {
		where = "on this node"
		hint = "'poolcert login', and ask again: the certificate may be in the account, and not on this node"
	} else if err := f.addAccount(ctx, client); err != nil {
		where = fmt.Sprintf("on this node, as the account could not be asked (%v)", explain(err))
		hint = "ask again when the account answers: the certificate may be there, and not on this node"
	}
	_, err := decrypt.Decrypt(ctx, io.Discard, in, decrypt.Keys(&f), decrypt.Options{JWE: jwe.Options{AllowRSA15: true}}) // no key here is an oracle
	switch {
	case !errors.Is(err, decrypt.ErrNoRecipient):
		return batch.Thumbprint{}, explainDecrypt(err)
	case len(f.found) == 0:
		return batch.Thumbprint{}, cli.Exit(cli.Hint(fmt.Errorf("%s: %w", where, err), "%s", hint), cli.ExitNoCertificate)
	}
	tp := batch.ThumbprintOf(f.found[0])
	e.say("message", "is for %s, %s", f.found[0].Subject, tp)
	for _, other := range f.found[1:] {
		e.say("message", "or for %s, %s", other.Subject, batch.ThumbprintOf(other))
	}
	return tp, nil
}

// addAccount adds the certificates of the account.
func (f *finder) addAccount(ctx context.Context, client *batch.Client) error {
	ctx, cancel := context.WithTimeout(ctx, accountTime)
	defer cancel()
	for c, err := range client.Certificates(ctx, batch.ListOptions{}) {
		if err != nil {
			return err
		}
		if cert, err := parsePublic(c); err == nil {
			f.known = append(f.known, cert)
		}
	}
	return nil
}

// addInstalled adds the certificates of this node that have a public file which the
// caller may read.
func (f *finder) addInstalled(dir string) {
	paths, _ := filepath.Glob(filepath.Join(dir, "current", "*", "sha1-*.cer"))
	for _, path := range paths {
		data, err := readFileLimited(path, maxKeyFile)
		if err != nil {
			continue
		}
		if cert, err := pfx.DecodeCER(data); err == nil {
			f.known = append(f.known, cert)
		}
	}
}
