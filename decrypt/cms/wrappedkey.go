package cms

import (
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A WrappedKey is the part of a message that opens its content key: the
// recipients and the name of the content cipher. It holds nothing of the
// content, so that it may be sent to whoever has the private key.
type WrappedKey struct {
	Recipients       []Recipient
	ContentAlgorithm Algorithm
}

// wrappedKeyVersion is the first field of the binary form.
const wrappedKeyVersion = 1

// maxWrappedKey bounds the binary form.
const maxWrappedKey = maxRecipientSize + maxAlgorithm + 64

// WrappedKey returns what an [Unwrapper] needs to open the content key of m.
func (m *Message) WrappedKey() *WrappedKey {
	return &WrappedKey{m.Recipients, m.ContentAlgorithm}
}

// MarshalBinary returns the DER form, of at most 16 MiB and a little:
//
//	SEQUENCE { version INTEGER (1), AlgorithmIdentifier, SET OF RecipientInfo }
func (w *WrappedKey) MarshalBinary() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(wrappedKeyVersion)
		b.AddBytes(w.ContentAlgorithm.Raw)
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
			for _, r := range w.Recipients {
				b.AddBytes(r.Raw)
			}
		})
	})
	return b.Bytes()
}

// ParseWrappedKey parses what MarshalBinary returned. It keeps parts of data.
func ParseWrappedKey(data []byte) (*WrappedKey, error) {
	if len(data) > maxWrappedKey {
		return nil, &LimitError{"bytes of wrapped key", maxWrappedKey}
	}
	s := cryptobyte.String(data)
	var seq, algorithm, recipients cryptobyte.String
	var version int
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !seq.ReadASN1Integer(&version) {
		return nil, malformed("wrapped key")
	}
	if version != wrappedKeyVersion {
		return nil, &UnsupportedError{"wrapped key", "another version"}
	}
	if !seq.ReadASN1Element(&algorithm, asn1.SEQUENCE) || !seq.ReadASN1Element(&recipients, asn1.SET) || !seq.Empty() {
		return nil, malformed("wrapped key")
	}
	if len(algorithm) > maxAlgorithm {
		return nil, &LimitError{"bytes of content-encryption algorithm", maxAlgorithm}
	}
	var w WrappedKey
	var err error
	if w.ContentAlgorithm, _, err = parseContentAlgorithm(algorithm); err != nil {
		return nil, err
	}
	w.Recipients, err = parseRecipients(recipients)
	return &w, err
}

// index finds the recipient for a certificate without a walk over all of them
// for each certificate.
type index map[string]int

func (x index) add(key string, i int) {
	if _, ok := x[key]; !ok {
		x[key] = i
	}
}

// newIndex prefers recipients whose algorithm we know: which one is used must
// not depend on more than the message says.
func newIndex(recipients []Recipient) index {
	x := make(index)
	for _, known := range []bool{true, false} {
		for i, r := range recipients {
			if r.ID != nil && (r.unsupported == nil) == known {
				x.add(r.ID.key(), i)
			}
		}
	}
	return x
}

// find returns the first recipient for cert.
func (x index) find(recipients []Recipient, cert *x509.Certificate) *Recipient {
	first := -1
	for _, id := range []RecipientID{
		{Issuer: cert.RawIssuer, SerialNumber: cert.SerialNumber},
		{SubjectKeyID: subjectKeyID(cert)},
	} {
		if i, ok := x[id.key()]; ok && recipients[i].matches(cert) && (first < 0 || i < first) {
			first = i
		}
	}
	if first < 0 {
		return nil
	}
	return &recipients[first]
}

// key returns a string that equals that of another id if both are equal.
func (id *RecipientID) key() string {
	if id.SerialNumber == nil {
		return "ski " + string(id.SubjectKeyID)
	}
	return "isn " + id.SerialNumber.Text(62) + " " + string(id.Issuer)
}
