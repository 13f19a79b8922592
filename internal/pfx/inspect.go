package pfx

import (
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"poolcert/batch"
)

// Inspect describes a file, and returns the error that [Decode] gives, or nil. The
// Info is not nil whenever the outside of the file can be read, which needs no
// password; with a wrong one it shows less. It may cost twice what limits allow.
func Inspect(ctx context.Context, data []byte, password string, limits Limits) (*Info, error) {
	b, err := Decode(ctx, data, password, Options{Limits: limits})
	w, stop := start(ctx, limits)
	defer stop()
	f, e := readFile(w, data)
	if e != nil {
		return nil, err
	}
	i := &inspection{w: w, Info: &Info{Size: len(data), Certificates: []CertificateInfo{}, Keys: []KeyInfo{}}}
	if err != nil {
		i.Problem = err.Error()
	} else {
		i.Warnings = b.Warnings
	}
	p, e := f.authenticate(w, password)
	if e != nil {
		p = passwordForms(password)[0]
	}
	defer p.clear()
	i.mac(f.mac, e)
	for n, s := range f.safes {
		i.part(n, s, p)
	}
	i.match()
	return i.Info, err
}

// An inspection is an Info in the making, with what must not be part of it.
type inspection struct {
	*Info
	w     *work
	keys  []crypto.PrivateKey // as Info.Keys; nil: can't be used
	certs []*x509.Certificate // as Info.Certificates
}

func (i *inspection) mac(m *mac, err error) {
	if m == nil {
		return
	}
	i.MAC = &MACInfo{Algorithm: m.name, Rounds: m.rounds, Verified: err == nil, Problem: text(err)}
}

func (i *inspection) part(n int, s safe, p password) {
	var info PartInfo
	if s.scheme != nil {
		info.Encryption, info.Rounds = s.scheme.name, s.scheme.rounds
	}
	bags, err := s.open(i.w, p)
	info.Problem = text(err)
	for _, b := range bags {
		switch {
		case b.isKey():
			i.key(n, b, p)
		case b.kind == oidCertBag:
			if !i.certificate(n, b) {
				info.Others = append(info.Others, "certificate of another kind")
			}
		default:
			info.Others = append(info.Others, nameOf(b.kind))
		}
	}
	i.Parts = append(i.Parts, info)
}

func (i *inspection) key(part int, b bag, p password) {
	info := KeyInfo{Part: part, Name: printable(b.name), Certificates: []batch.Thumbprint{}}
	if b.kind == oidShroudedKeyBag {
		if s, _, err := b.shroud(); err == nil {
			info.Encryption, info.Rounds = s.name, s.rounds
		}
	}
	key, err := crypto.PrivateKey(nil), error(&LimitError{"private keys", maxKeys})
	if len(i.keys) < maxKeys {
		key, err = b.key(i.w, p)
	}
	info.Problem = text(err)
	if k, ok := key.(interface{ Public() crypto.PublicKey }); ok {
		info.Algorithm = describe(k.Public())
	}
	i.keys = append(i.keys, key)
	i.Keys = append(i.Keys, info)
}

func (i *inspection) certificate(part int, b bag) (ok bool) {
	info := CertificateInfo{Part: part, Name: printable(b.name)}
	cert, err := b.certificate()
	switch {
	case err != nil:
		info.Problem = text(err)
	case cert == nil:
		return false
	default:
		sum := sha256.Sum256(cert.Raw)
		info.Subject, info.Issuer = printable(cert.Subject.String()), printable(cert.Issuer.String())
		info.Serial = cert.SerialNumber.Text(16)
		info.NotBefore, info.NotAfter = cert.NotBefore, cert.NotAfter
		info.Algorithm = describe(PublicKey(cert))
		info.SHA1, info.SHA256 = batch.ThumbprintOf(cert), hex.EncodeToString(sum[:])
	}
	i.certs = append(i.certs, cert)
	i.Certificates = append(i.Certificates, info)
	return true
}

// match notes which key belongs to which certificate.
func (i *inspection) match() {
	for c, cert := range i.certs {
		for k, key := range i.keys {
			if cert == nil || key == nil || !belongs(key, cert) {
				continue
			}
			i.Certificates[c].HasKey = true
			i.Keys[k].Certificates = append(i.Keys[k].Certificates, i.Certificates[c].SHA1)
		}
	}
}

func describe(public crypto.PublicKey) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return "EC " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	case *ecdh.PublicKey:
		return fmt.Sprint(k.Curve())
	}
	return "unknown"
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// printable makes a text from a file fit for a terminal.
func printable(s string) string {
	const most = 200
	n := 0
	return strings.Map(func(r rune) rune {
		if n++; n > most {
			return -1
		}
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
