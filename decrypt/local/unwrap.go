package local

import (
	"bytes"
	"context"
	"crypto/x509"

	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
)

// maxWrappedKey is a little more than package cms allows, which has the word.
const maxWrappedKey = 17 << 20

// The Content-Types of what unwrap takes. CMS is what is of no other type.
const (
	typeCMS = "application/octet-stream"
	typeJWE = "application/vnd.poolcert.jwe-key+json"
	typeRSA = "application/vnd.poolcert.rsa-block+json"
)

type unwrapped struct {
	ContentEncryptionKey []byte           `json:"contentEncryptionKey"`
	Thumbprint           batch.Thumbprint `json:"thumbprint"`
}

type unwrappedJWE struct {
	ContentEncryptionKeys [][]byte         `json:"contentEncryptionKeys"`
	Thumbprint            batch.Thumbprint `json:"thumbprint"`
}

type openedRSA struct {
	Content    []byte           `json:"content"`
	Thumbprint batch.Thumbprint `json:"thumbprint"`
}

func (s *Server) unwrap(ctx context.Context, g Grant, body *body) (answer, error) {
	var data bytes.Buffer
	data.Grow(int(min(body.size, leastBody)))
	if _, err := data.ReadFrom(body); err != nil {
		return answer{}, err
	}
	u := unwrapper{limits: s.limits, grant: g}
	open := u.answerCMS
	switch body.mediaType {
	case typeJWE:
		open = u.answerJWE
	case typeRSA:
		open = u.answerRSA
	}
	v, err := open(ctx, data.Bytes())
	return answer{cert: u.cert, json: v}, err
}

func (u *unwrapper) answerCMS(ctx context.Context, data []byte) (any, error) {
	w, err := cms.ParseWrappedKey(data)
	if err != nil {
		return nil, err
	}
	cek, err := u.Unwrap(ctx, w)
	if err != nil {
		return nil, err
	}
	return unwrapped{cek, batch.ThumbprintOf(u.cert)}, nil
}

func (u *unwrapper) answerJWE(ctx context.Context, data []byte) (any, error) {
	w, err := jwe.ParseWrappedKey(data)
	if err != nil {
		return nil, err
	}
	ceks, err := u.UnwrapJWE(ctx, w)
	if err != nil {
		return nil, err
	}
	return unwrappedJWE{ceks, batch.ThumbprintOf(u.cert)}, nil
}

func (u *unwrapper) answerRSA(ctx context.Context, data []byte) (any, error) {
	b, err := decrypt.ParseRSABlock(data)
	if err != nil {
		return nil, err
	}
	content, err := u.OpenRSA(ctx, b)
	if err != nil {
		return nil, err
	}
	return openedRSA{content, batch.ThumbprintOf(u.cert)}, nil
}

// An unwrapper takes its turn with the private keys of a grant, and remembers
// the certificate.
type unwrapper struct {
	limits *limits
	grant  Grant
	cert   *x509.Certificate
}

func (u *unwrapper) Unwrap(ctx context.Context, w *cms.WrappedKey) (cek []byte, err error) {
	release, err := u.limits.key(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	cek, u.cert, err = w.Unwrap(ctx, u.grant)
	return cek, err
}

func (u *unwrapper) UnwrapJWE(ctx context.Context, w *jwe.WrappedKey) (ceks [][]byte, err error) {
	release, err := u.limits.key(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ceks, u.cert, err = w.Unwrap(ctx, u.grant)
	return ceks, err
}

func (u *unwrapper) OpenRSA(ctx context.Context, b *decrypt.RSABlock) (secret []byte, err error) {
	release, err := u.limits.key(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	secret, u.cert, err = b.Open(ctx, u.grant)
	return secret, err
}
