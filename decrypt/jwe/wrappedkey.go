package jwe

import (
	"encoding/json"

	"poolcert/decrypt/cms"
)

// A WrappedKey is the part of a message that opens its content key. It holds
// nothing of the content, so that it may be sent to whoever has the private key.
type WrappedKey struct {
	Encryption string      `json:"enc"`
	Recipients []Recipient `json:"recipients"`
}

// WrappedKey returns what an [Unwrapper] needs to open the content key of m: the
// recipients whose algorithm and curve we know and opts allow. Without any it fails with a
// *[cms.UnsupportedError].
func (m *Message) WrappedKey(opts Options) (*WrappedKey, error) {
	w := &WrappedKey{Encryption: m.Encryption}
	for _, r := range m.Recipients {
		if findAlgorithm(r.Algorithm) != nil && r.unsupported == nil && (r.Algorithm != rsa15 || opts.AllowRSA15) {
			w.Recipients = append(w.Recipients, r)
		}
	}
	if len(w.Recipients) == 0 {
		if err := m.Recipients[0].unsupported; err != nil {
			return nil, err
		}
		return nil, &cms.UnsupportedError{What: "JWE key algorithm", Name: m.Recipients[0].Algorithm}
	}
	return w, nil
}

// MarshalBinary returns the JSON form, of at most 1 MiB.
func (w *WrappedKey) MarshalBinary() ([]byte, error) {
	data, err := json.Marshal(w)
	if err == nil && len(data) > maxWrapped {
		err = &cms.LimitError{What: "bytes of wrapped key", Limit: maxWrapped}
	}
	return data, err
}

// ParseWrappedKey parses what MarshalBinary returned. Members that it does not
// know are skipped.
func ParseWrappedKey(data []byte) (*WrappedKey, error) {
	if len(data) > maxWrapped {
		return nil, &cms.LimitError{What: "bytes of wrapped key", Limit: maxWrapped}
	}
	if err := checkValues(data); err != nil {
		return nil, err
	}
	w := new(WrappedKey)
	if json.Unmarshal(data, w) != nil {
		return nil, malformed("a wrapped key of a JWE")
	}
	if contentKeySize(w.Encryption) == 0 {
		return nil, &cms.UnsupportedError{What: "content encryption algorithm", Name: clip(w.Encryption)}
	}
	if len(w.Recipients) == 0 {
		return nil, malformed("recipients in the wrapped key")
	}
	if len(w.Recipients) > maxRecipients {
		return nil, &cms.LimitError{What: "recipients of JWE", Limit: maxRecipients}
	}
	for _, r := range w.Recipients {
		a := findAlgorithm(r.Algorithm)
		if a == nil {
			return nil, &cms.UnsupportedError{What: "JWE key algorithm", Name: clip(r.Algorithm)}
		}
		if !a.rsa {
			if r.EPK == nil {
				return nil, malformed("epk in the wrapped key")
			}
			if _, err := r.EPK.publicKey(); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}
