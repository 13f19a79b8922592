package store

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"

	"poolcert/batch"
)

// A FileFormat is a form in which a [Dir] has a certificate as files.
type FileFormat string

// The formats, by the ends of their files' names.
const (
	FilePFX FileFormat = "pfx" // .pfx, as the submitter added it, and .pfx.pw, its password without a newline
	FileCER FileFormat = "cer" // .cer, the certificate in DER
	FilePEM FileFormat = "pem" // .pem, the certificate, then its issuers as far as the PFX has them
	FileKey FileFormat = "key" // .key, the private key in PEM, PKCS #8 without encryption
)

// FileFormats returns all formats.
func FileFormats() []FileFormat { return []FileFormat{FilePFX, FileCER, FilePEM, FileKey} }

// defaultFormats are Azure Batch's files, and the certificate.
var defaultFormats = []FileFormat{FilePFX, FileCER}

// isPrivate tells whether files of this format let their reader use the key.
func (f FileFormat) isPrivate() bool { return f == FilePFX || f == FileKey }

type file struct {
	name string
	data []byte
}

// baseName is what the names of a certificate's files begin with, before a dot.
func baseName(t batch.Thumbprint) string { return batch.SHA1 + "-" + t.String() }

// files returns the files of an entry in the folder of v. A certificate that has
// no file in any of the formats, since it has no key or may not show it, has its
// .cer.
func (s *set) files(e Entry, v batch.Visibility) ([]file, error) {
	formats := slices.Clone(s.formats[v])
	if formats == nil {
		formats = slices.Clone(defaultFormats)
	}
	if e.isCER() || slices.Contains(s.keyless, v) {
		formats = slices.DeleteFunc(formats, FileFormat.isPrivate)
	}
	if len(formats) == 0 {
		formats = []FileFormat{FileCER}
	}
	base := baseName(e.Reference.Thumbprint)
	var list []file
	for _, f := range FileFormats() {
		if !slices.Contains(formats, f) {
			continue
		}
		switch f {
		case FilePFX:
			list = append(list, file{base + ".pfx", e.Data}, file{base + ".pfx.pw", []byte(e.Password)})
		case FileCER:
			list = append(list, file{base + ".cer", e.Bundle.Leaf.Raw})
		case FilePEM:
			list = append(list, file{base + ".pem", chainPEM(e.Bundle.Leaf, e.Bundle.Chain)})
		case FileKey:
			der, err := x509.MarshalPKCS8PrivateKey(e.Bundle.Key)
			if err != nil {
				return nil, fmt.Errorf("write its key as PKCS #8: %w", err)
			}
			list = append(list, file{base + ".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})})
			clear(der)
		}
	}
	return list, nil
}

// chainPEM returns leaf and its issuers among others, each after what it issued:
// the order that servers want.
func chainPEM(leaf *x509.Certificate, others []*x509.Certificate) []byte {
	var text bytes.Buffer
	others = slices.Clone(others)
	for cert := leaf; cert != nil; {
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
		i := slices.IndexFunc(others, func(issuer *x509.Certificate) bool {
			return bytes.Equal(cert.RawIssuer, issuer.RawSubject) && cert.CheckSignatureFrom(issuer) == nil
		})
		if i < 0 {
			break
		}
		cert = others[i]
		others = slices.Delete(others, i, i+1)
	}
	return text.Bytes()
}
