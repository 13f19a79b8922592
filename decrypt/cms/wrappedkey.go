package cms

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A WrappedKey is the part of a message that opens its content key: the
// recipients and the name of the content cipher. It holds nothing of the
// content, so that it may be sent to whoever has the private key.
type WrappedKey struct {
	Recipients       []Recipient
	ContentAlgorithm Algorithm

	recipientInfos []byte // DER of the SET; nil when put together by hand
}

// wrappedKeyVersion is the first field of the binary form.
const wrappedKeyVersion = 1

// maxWrappedKey bounds the binary form.
const maxWrappedKey = maxRecipientSize + maxAlgorithm + 64

// WrappedKey returns what an [Unwrapper] needs to open the content key of m.
func (m *Message) WrappedKey() *WrappedKey {
	return &WrappedKey{m.Recipients, m.ContentAlgorithm, m.recipientInfos}
}

// MarshalBinary returns the DER form, of at most 16 MiB and a little:
//
//	SEQUENCE { version INTEGER (1), AlgorithmIdentifier, SET OF RecipientInfo }
//
// It is the whole of what the message or the parsed form had, whatever became of
// w.Recipients.
func (w *WrappedKey) MarshalBinary() ([]byte, error) {
	if w.recipientInfos == nil {
		return nil, errors.New("cms: wrapped key is of no message")
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(wrappedKeyVersion)
		b.AddBytes(w.ContentAlgorithm.Raw)
		b.AddBytes(w.recipientInfos)
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
	w := WrappedKey{recipientInfos: recipients}
	var err error
	if w.ContentAlgorithm, _, err = parseContentAlgorithm(algorithm); err != nil {
		return nil, err
	}
	w.Recipients, err = parseRecipients(recipients)
	return &w, err
}
