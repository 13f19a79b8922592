package pfx

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"poolcert/batch"
)

// contents are the things from all safes of a file.
type contents struct {
	keys    []crypto.PrivateKey
	certs   []*x509.Certificate
	badKey  error // the first that could not be read
	badCert error
}

// add takes what can be read: a key that is not supported must not keep the user
// from another one.
func (c *contents) add(w *work, p password, bags []bag) error {
	for _, b := range bags {
		if err := w.check(); err != nil {
			return err
		}
		switch {
		case b.isKey():
			if err := c.addKey(w, p, b); err != nil {
				return err
			}
		case b.kind == oidCertBag:
			cert, err := b.certificate()
			switch {
			case err == nil && cert != nil:
				c.certs = append(c.certs, cert)
			case c.badCert == nil:
				c.badCert = err
			}
		}
	}
	return nil
}

func (c *contents) addKey(w *work, p password, b bag) error {
	if len(c.keys) == maxKeys {
		return &LimitError{"private keys", maxKeys}
	}
	key, err := b.key(w, p)
	if err == nil {
		c.keys = append(c.keys, key)
		return nil
	}
	if _, ok := errors.AsType[*LimitError](err); ok {
		return err
	}
	if c.badKey == nil {
		c.badKey = fmt.Errorf("private key: %w", err)
	}
	return w.check()
}

// pick returns the bundle that thumbprint names. When it is not there, the cause may
// be what could not be read.
func (c *contents) pick(thumbprint batch.Thumbprint) (*Bundle, error) {
	b, err := pick(c.keys, c.certs, thumbprint)
	_, ambiguous := errors.AsType[*AmbiguousError](err)
	switch {
	case err == nil:
		if c.badKey != nil || c.badCert != nil {
			b.Warnings = append(b.Warnings, Skipped)
		}
		return b, nil
	case ambiguous:
	case c.badKey != nil && !errors.Is(err, ErrNoCertificate):
		err = c.badKey
	case c.badCert != nil && !errors.Is(err, ErrNoKey):
		err = c.badCert
	}
	return nil, err
}
