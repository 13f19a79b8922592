package pfx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// Decode reads a PFX file, in DER, BER or PEM, from any producer. Its errors are
// [ErrPassword], [ErrDamaged], [ErrNoKey], [ErrNoCertificate], [*MismatchError],
// [*AmbiguousError], [*ThumbprintError], [*UnsupportedError], [*LimitError] and the
// context's; [Inspect] shows more. It may be called concurrently; data is only read.
func Decode(ctx context.Context, data []byte, password string, opts Options) (*Bundle, error) {
	w, stop := start(ctx, opts.Limits)
	defer stop()
	b, err := decode(w, data, password, opts)
	if err != nil {
		return nil, fmt.Errorf("read PFX: %w", err)
	}
	return b, nil
}

// decode is not built on go-pkcs12: a key inside an encrypted part shows how many
// rounds it wants only when that part is open, and the library then works them all,
// without end. It writes our files, and checks what we read in tests.
func decode(w *work, data []byte, password string, opts Options) (*Bundle, error) {
	f, err := readFile(w, data)
	if err != nil {
		return nil, err
	}
	p, err := f.authenticate(w, password)
	if err != nil {
		return nil, err
	}
	defer p.clear()
	c := new(contents)
	for _, s := range f.safes {
		bags, err := s.open(w, p)
		if err != nil {
			return nil, err
		}
		if err := c.add(w, p, bags); err != nil {
			return nil, err
		}
	}
	b, err := c.pick(opts.Thumbprint)
	if err != nil {
		return nil, err
	}
	if f.mac == nil {
		b.Warnings = append(b.Warnings, NoMAC)
	}
	return b, nil
}

// authenticate returns the form of the password that the file was made with. The
// caller clears it.
func (f *file) authenticate(w *work, s string) (password, error) {
	forms := passwordForms(s)
	fits := func(p password) (bool, error) { return f.mac.verify(w, p, f.signed) }
	if f.mac == nil {
		fits = func(p password) (bool, error) { return f.opens(w, p) }
		if len(forms) == 1 {
			return forms[0], nil // saves opening twice
		}
	}
	for _, p := range forms {
		if ok, err := fits(p); err != nil || ok {
			p.verified = ok && f.mac != nil
			return p, err
		}
	}
	if f.mac != nil && f.damagedUnder(w, forms) {
		return password{}, fmt.Errorf("%w: the password is right, but the MAC is not", ErrDamaged)
	}
	if err := w.check(); err != nil {
		return password{}, err
	}
	return password{}, ErrPassword
}

// damagedUnder reports whether the password opens something, though the MAC is wrong.
func (f *file) damagedUnder(w *work, forms []password) bool {
	for range f.ciphertexts() {
		return slices.ContainsFunc(forms, func(p password) bool {
			ok, _ := f.opens(w, p)
			return ok
		})
	}
	return false
}

// ciphertexts yields what in the file is encrypted, as far as that shows outside.
func (f *file) ciphertexts() iter.Seq2[*scheme, []byte] {
	return func(yield func(*scheme, []byte) bool) {
		for _, part := range f.safes {
			if part.scheme != nil {
				if !yield(part.scheme, part.data) {
					return
				}
				continue
			}
			bags, _ := readBags(part.data)
			for _, b := range bags {
				if b.kind != oidShroudedKeyBag {
					continue
				}
				if s, data, err := b.shroud(); err == nil && !yield(s, data) {
					return
				}
			}
		}
	}
}

// opens reports whether the password opens something in the file, or whether there
// is nothing to open.
func (f *file) opens(w *work, p password) (ok bool, err error) {
	ok = true
	for s, data := range f.ciphertexts() {
		plain, e := s.open(w, p, data)
		clear(plain)
		if e == nil {
			return true, nil
		}
		ok = false
		if err == nil && !errors.Is(e, ErrPassword) {
			err = e
		}
	}
	return ok, err
}
