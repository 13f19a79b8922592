package local

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"time"

	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/binding"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
	"poolcert/internal/erase"
	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
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

func unwrapKey(ctx context.Context, u *unwrapper, body *body) (answer, error) {
	var data bytes.Buffer
	data.Grow(int(min(body.size, leastBody)))
	if _, err := data.ReadFrom(body); err != nil {
		return answer{}, err
	}
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

// An unwrapper takes its turn with the private keys of a grant, for one request,
// and remembers the certificate.
type unwrapper struct {
	limits *limits
	grant  Grant
	user   osuser.ID
	cert   *x509.Certificate
	place  binding.Place
	form   string // of the message; see Use

	telling bool // a failure tells something of the plaintext
	counted bool // a failure was
}

// turn takes a turn with a private key until release is called, unless messages
// of this user failed too often.
func (u *unwrapper) turn(ctx context.Context) (release func(), err error) {
	if release, err = u.limits.keys.take(ctx, u.user); err != nil {
		return nil, err
	}
	if err := u.budget().check(u.user); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// checkBinding refuses what may not be opened here, by this caller, or now. What is
// checked is what the private key is used with, so that nobody can take it away.
func (u *unwrapper) checkBinding(label []byte) error {
	b, err := binding.FromLabel(label)
	if b == nil || err != nil {
		return err
	}
	return b.Check(u.place)
}

// placeOf is what a message may be bound to.
func (s *Server) placeOf(c localsock.Caller) binding.Place {
	place := binding.Place{Process: c.Process, Time: time.Now()}
	if s.config.Pool != nil {
		place.Pool = s.config.Pool()
	}
	return place
}

func (u *unwrapper) budget() *budget {
	if u.telling {
		return u.limits.telling
	}
	return u.limits.failures
}

// count takes a failure of the message from the budget of its user, once.
func (u *unwrapper) count(err error) {
	if !u.counted && (errors.Is(err, cms.ErrDecrypt) || errors.Is(err, cms.ErrNoRecipient)) {
		u.budget().charge(u.user)
		u.counted = true
	}
}

// rsaEncryption is key transport by PKCS #1 v1.5 (RFC 3370, section 4.2.1).
var rsaEncryption = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

func (u *unwrapper) Unwrap(ctx context.Context, w *cms.WrappedKey) (cek []byte, err error) {
	u.form = "cms"
	for i := range w.Recipients {
		if err := u.checkBinding(w.Recipients[i].Label()); err != nil {
			return nil, err
		}
	}
	u.telling = slices.ContainsFunc(w.Recipients, func(r cms.Recipient) bool { return r.Algorithm.Equal(rsaEncryption) })
	release, err := u.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	erase.Do(func() { cek, u.cert, err = w.Unwrap(ctx, u.grant) })
	return cek, err
}

func (u *unwrapper) UnwrapJWE(ctx context.Context, w *jwe.WrappedKey) (ceks [][]byte, err error) {
	u.form = "jwe"
	release, err := u.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	erase.Do(func() { ceks, u.cert, err = w.Unwrap(ctx, u.grant) })
	return ceks, err
}

func (u *unwrapper) OpenRSA(ctx context.Context, b *decrypt.RSABlock) (secret []byte, err error) {
	u.form, u.telling = "rsa", true
	if err := u.checkBinding(b.Label); err != nil { // it may be cut out of a bound message
		return nil, err
	}
	release, err := u.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	erase.Do(func() { secret, u.cert, err = b.Open(ctx, u.grant) })
	u.count(err) // before the next one has its turn
	return secret, err
}
