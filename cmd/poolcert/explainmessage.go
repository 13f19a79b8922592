package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/binding"
	"poolcert/decrypt/cms"
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
	var header bytes.Buffer // and what was read with it
	// No key is here, so none can be an oracle.
	_, err := decrypt.Decrypt(ctx, io.Discard, io.TeeReader(in, &header), decrypt.Keys(&f), decrypt.Options{JWE: jwe.Options{AllowRSA15: true}})
	switch {
	case !errors.Is(err, decrypt.ErrNoRecipient):
		return batch.Thumbprint{}, explainDecrypt(err)
	case len(f.found) == 0:
		return batch.Thumbprint{}, cli.Exit(cli.Hint(fmt.Errorf("%s: %w", where, err), "%s", hint), cli.ExitNoCertificate)
	}
	info, err := decrypt.Inspect(io.MultiReader(&header, in))
	if err != nil {
		return batch.Thumbprint{}, explainDecrypt(err)
	}
	is := "is"
	if i := slices.IndexFunc(info.Recipients, isAnybody); i >= 0 {
		is = "may be"
		if kid := info.Recipients[i].KeyID; kid != "" {
			e.skip("message", "calls its key %.80q, and names no certificate", kid)
		} else {
			e.skip("message", "does not say whom it is for")
		}
	}
	for _, cert := range f.found {
		e.say("message", "%s for %s, %s", is, cert.Subject, batch.ThumbprintOf(cert))
		is = "or"
	}
	return batch.ThumbprintOf(f.found[0]), e.bound(info)
}

// isAnybody tells whether a message names no certificate, so that any of that kind of key
// may be meant. A key id is what its sender calls the key.
func isAnybody(r decrypt.Recipient) bool {
	forKey := r.Kind == cms.KeyTransport.String() || r.Kind == cms.KeyAgreement.String()
	return forKey && r.SerialNumber == "" && r.SubjectKeyID == "" && r.Thumbprint == "" && r.SHA256 == ""
}

// bound looks at what the agent allows, whatever the certificate.
func (e *explanation) bound(info *decrypt.Info) error {
	for _, r := range info.Recipients {
		if r.BoundTo == "" {
			continue
		}
		b, err := binding.Parse(r.BoundTo)
		switch {
		case err != nil:
			e.skip("message", "is bound in a way that this version does not know: an agent of this version opens it nowhere")
		case !b.NotAfter.IsZero() && time.Now().After(b.NotAfter):
			return broken(cli.ExitNotAllowed, "message", fmt.Sprintf("it is bound until %s, which is over: no agent opens it", cli.Time(b.NotAfter)), "have the secret sealed again")
		default:
			e.skip("message", "is bound to %s: elsewhere, no agent opens it", r.BoundTo)
		}
		return nil // all recipients have one binding
	}
	return nil
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
