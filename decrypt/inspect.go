package decrypt

import (
	"bufio"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"io"

	"poolcert/decrypt/binding"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/jwe"
)

// Info tells what a message says of itself, to anyone.
type Info struct {
	Form             string      `json:"form"`
	Type             string      `json:"type"`                       // such as "EnvelopedData"
	ContentAlgorithm string      `json:"contentAlgorithm,omitempty"` // such as "AES-256-GCM"
	Authenticated    bool        `json:"authenticated"`              // protected against changes
	Size             *int64      `json:"size,omitempty"`             // bytes of encrypted content; nil: it comes in pieces
	Recipients       []Recipient `json:"recipients"`
}

// A Recipient tells whom a message is for. Names are as the message has them, and
// may hold any characters.
type Recipient struct {
	Kind         string `json:"kind"`
	Algorithm    string `json:"algorithm,omitempty"`
	Issuer       string `json:"issuer,omitempty"`
	SerialNumber string `json:"serialNumber,omitempty"` // hex
	SubjectKeyID string `json:"subjectKeyId,omitempty"` // hex
	KeyID        string `json:"kid,omitempty"`          // of JWE
	Thumbprint   string `json:"thumbprint,omitempty"`   // hex, from x5t of JWE
	BoundTo      string `json:"boundTo,omitempty"`      // see package binding; as the message has it
	SHA256       string `json:"sha256,omitempty"`       // hex, of the certificate, from x5t#S256 or x5c of JWE
}

// Inspect reads the header of a message in any known form. It needs no key, and
// says nothing of whether the message opens. Its errors are those of [Decrypt]
// before a private key is used.
func Inspect(r io.Reader) (*Info, error) {
	form, br, err := open(r, 0)
	if err != nil {
		return nil, err
	}
	info := &Info{Form: form.String()}
	switch form {
	case JWE:
		err = info.readJWE(br)
	case RawRSA:
		err = info.readRSA(br)
	default:
		err = info.readCMS(br)
	}
	if err != nil {
		return nil, err
	}
	return info, nil
}

func (info *Info) readCMS(br *bufio.Reader) error {
	m, err := cms.ReadHeader(br)
	if err != nil {
		return err
	}
	info.Type, info.ContentAlgorithm, info.Authenticated = m.Type.String(), m.ContentAlgorithm.Name, m.Authenticated()
	if m.ContentSize >= 0 {
		info.Size = &m.ContentSize
	}
	for _, r := range m.Recipients {
		to := Recipient{Kind: r.Kind.String()}
		if r.ID != nil {
			to.Algorithm = keyAlgorithmName(&r)
			if b, err := binding.FromLabel(r.Label()); err != nil {
				to.BoundTo = "unknown"
			} else if b != nil {
				to.BoundTo = b.String()
			}
			to.SubjectKeyID = hex.EncodeToString(r.ID.SubjectKeyID)
		}
		if r.ID != nil && r.ID.SerialNumber != nil {
			to.Issuer, to.SerialNumber = nameOf(r.ID.Issuer), r.ID.SerialNumber.Text(16)
		}
		info.Recipients = append(info.Recipients, to)
	}
	return nil
}

// nameOf writes the DER of a Name as text.
func nameOf(der []byte) string {
	var rdn pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdn); err != nil || len(rest) > 0 {
		return "unreadable"
	}
	return rdn.String()
}

func (info *Info) readJWE(br *bufio.Reader) error {
	m, err := readJWE(br)
	if err != nil {
		return err
	}
	info.Type, info.ContentAlgorithm, info.Authenticated, info.Size = "JWE "+m.Form, m.Encryption, true, &m.ContentSize
	for _, r := range m.Recipients {
		info.Recipients = append(info.Recipients, jweRecipient(r))
	}
	return nil
}

func jweRecipient(r jwe.Recipient) Recipient {
	kind := cms.KeyTransport
	switch {
	case r.EPK != nil:
		kind = cms.KeyAgreement
	case len(r.EncryptedKey) == 0:
		kind = cms.OtherKind
	}
	return Recipient{
		Kind: kind.String(), Algorithm: r.Algorithm, KeyID: r.KeyID,
		Thumbprint: hex.EncodeToString(r.X5T), SHA256: hex.EncodeToString(r.X5TS256),
	}
}

func (info *Info) readRSA(br *bufio.Reader) error {
	n, err := io.Copy(io.Discard, br)
	if err != nil {
		return err
	}
	info.Type, info.Size = "RSA block", &n
	info.Recipients = []Recipient{{Kind: cms.KeyTransport.String(), Algorithm: fmt.Sprintf("RSA of %d bits", 8*n)}}
	return nil
}
