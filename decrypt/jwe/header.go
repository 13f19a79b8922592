package jwe

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/go-jose/go-jose/v4/json"

	"poolcert/decrypt/cms"
)

// A document is the JSON form of a message. The compact form is turned into it.
type document struct {
	Protected    string          `json:"protected"`
	Unprotected  json.RawMessage `json:"unprotected"`
	Header       json.RawMessage `json:"header"`
	EncryptedKey string          `json:"encrypted_key"`
	Recipients   []struct {
		Header       json.RawMessage `json:"header"`
		EncryptedKey string          `json:"encrypted_key"`
	} `json:"recipients"`
	Ciphertext textLength `json:"ciphertext"`
}

// A textLength is how long a JSON string is, which is not kept.
type textLength int

func (n *textLength) UnmarshalJSON(text []byte) error {
	*n = textLength(max(0, len(text)-len(`""`)))
	return nil
}

// A header is the JOSE header of one recipient: what of it concerns us.
type header struct {
	Algorithm  string          `json:"alg"`
	Encryption string          `json:"enc"`
	Zip        string          `json:"zip"`
	Critical   json.RawMessage `json:"crit"`
	KeyID      string          `json:"kid"`
	X5T        string          `json:"x5t"`
	X5TS256    string          `json:"x5t#S256"`
	X5C        []string        `json:"x5c"`
	EPK        json.RawMessage `json:"epk"`
	APU        string          `json:"apu"`
	APV        string          `json:"apv"`
}

// mergeHeader reads the parts of a header. A member of a later part wins, so that
// the protected part has to be the last.
func mergeHeader(parts ...[]byte) (*header, error) {
	h := new(header)
	for _, part := range parts {
		if len(part) > maxHeader {
			return nil, &cms.LimitError{What: "bytes of JWE header", Limit: maxHeader}
		}
		if len(part) > 0 && json.Unmarshal(part, h) != nil {
			return nil, malformed("a JOSE header")
		}
	}
	switch {
	case h.Algorithm == "" || h.Encryption == "":
		return nil, malformed("alg and enc in the JOSE header")
	case h.Critical != nil:
		return nil, &cms.UnsupportedError{What: "JWE extension", Name: "crit"}
	case h.Zip != "" && h.Zip != "DEF":
		return nil, &cms.UnsupportedError{What: "JWE compression", Name: clip(h.Zip)}
	case contentKeySize(h.Encryption) == 0:
		return nil, &cms.UnsupportedError{What: "content encryption algorithm", Name: clip(h.Encryption)}
	}
	return h, nil
}

// recipient takes what opens the content key from a header.
func (h *header) recipient(encryptedKey string) (Recipient, error) {
	r := Recipient{Algorithm: clip(h.Algorithm), KeyID: h.KeyID}
	algorithm := findAlgorithm(h.Algorithm)
	if algorithm == nil {
		return r, nil // shown, but never opened
	}
	for _, field := range []struct {
		name, text string
		data       *[]byte
	}{
		{"encrypted_key", encryptedKey, &r.EncryptedKey},
		{"x5t", h.X5T, &r.X5T},
		{"x5t#S256", h.X5TS256, &r.X5TS256},
		{"apu", h.APU, &r.APU},
		{"apv", h.APV, &r.APV},
	} {
		var err error
		if *field.data, err = base64.RawURLEncoding.DecodeString(field.text); err != nil {
			return r, malformed("base64url in " + field.name)
		}
	}
	if len(h.X5C) > 0 && len(r.X5TS256) == 0 {
		der, err := base64.StdEncoding.DecodeString(h.X5C[0])
		if err != nil {
			return r, malformed("base64 in x5c")
		}
		sum := sha256.Sum256(der)
		r.X5TS256 = sum[:]
	}
	if !algorithm.rsa {
		r.EPK = new(EphemeralKey)
		if json.Unmarshal(h.EPK, r.EPK) != nil {
			return r, malformed("epk in the JOSE header")
		}
		var unsupported *cms.UnsupportedError
		if _, err := r.EPK.publicKey(); errors.As(err, &unsupported) {
			r.unsupported = unsupported // shown, but never opened
		} else if err != nil {
			return r, err
		}
	}
	return r, nil
}

// malformed is an error in the message before a key is used.
func malformed(want string) error { return &cms.FormatError{Offset: -1, Want: want} }

// clip bounds a name out of the message that an error will hold.
func clip(name string) string { return name[:min(len(name), 64)] }
