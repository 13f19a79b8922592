package jwe

import (
	"bytes"
	"encoding/base64"
	"errors"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"poolcert/decrypt/cms"
)

// A Message is a parsed message. It is safe for concurrent use.
type Message struct {
	Form        string // "compact", "flattened" or "general"
	Encryption  string // such as "A256GCM"
	Compressed  bool
	ContentSize int64       // bytes of ciphertext
	Recipients  []Recipient // at least one

	names  []jose.KeyAlgorithm // of the recipients
	object *jose.JSONWebEncryption
}

// Parse reads a message of at most [MaxMessage] bytes with nothing but white
// space around it. It keeps parts of text.
//
// Its errors are *[cms.FormatError], *[cms.LimitError] and, for content
// encryption and extensions, *[cms.UnsupportedError]. An unknown way to wrap the
// key is no error yet, so that any message can be shown.
func Parse(text []byte) (*Message, error) {
	if len(text) > MaxMessage {
		return nil, &cms.LimitError{What: "bytes of JWE", Limit: MaxMessage}
	}
	text = bytes.TrimSpace(text)
	doc, form, err := parseDocument(text)
	if err != nil {
		return nil, err
	}
	protected, err := base64.RawURLEncoding.DecodeString(doc.Protected)
	if err != nil {
		return nil, malformed("base64url in the protected header")
	}
	if len(doc.Recipients) > maxRecipients {
		return nil, &cms.LimitError{What: "recipients of JWE", Limit: maxRecipients}
	}
	m := &Message{Form: form, ContentSize: int64(base64.RawURLEncoding.DecodedLen(int(doc.Ciphertext)))}
	if form != "general" {
		if err := m.add(doc.EncryptedKey, doc.Header, doc.Unprotected, protected); err != nil {
			return nil, err
		}
	}
	for _, r := range doc.Recipients {
		if err := m.add(r.EncryptedKey, r.Header, doc.Unprotected, protected); err != nil {
			return nil, err
		}
	}
	if m.Compressed && m.ContentSize > maxCompressed {
		return nil, &cms.LimitError{What: "bytes of compressed JWE", Limit: maxCompressed}
	}
	return m, m.parseObject(text)
}

// parseDocument reads any form.
func parseDocument(text []byte) (*document, string, error) {
	doc := new(document)
	if bytes.HasPrefix(text, []byte("{")) {
		if err := checkValues(text); err != nil {
			return nil, "", err
		}
		if json.Unmarshal(text, doc) != nil {
			return nil, "", malformed("a JWE in JSON")
		}
		if len(doc.Recipients) > 0 {
			return doc, "general", nil
		}
		return doc, "flattened", nil
	}
	parts := bytes.SplitN(text, []byte("."), 6)
	if len(parts) != 5 {
		return nil, "", malformed("the five parts of a compact JWE")
	}
	doc.Protected, doc.EncryptedKey, doc.Ciphertext = string(parts[0]), string(parts[1]), textLength(len(parts[3]))
	return doc, "compact", nil
}

// add reads the header of one recipient.
func (m *Message) add(encryptedKey string, parts ...[]byte) error {
	h, err := mergeHeader(parts...)
	if err != nil {
		return err
	}
	if m.Encryption != "" && m.Encryption != h.Encryption {
		return malformed("one enc for all recipients")
	}
	m.Encryption = h.Encryption
	m.Compressed = m.Compressed || h.Zip != ""
	m.names = append(m.names, jose.KeyAlgorithm(h.Algorithm))
	r, err := h.recipient(encryptedKey)
	m.Recipients = append(m.Recipients, r)
	return err
}

// parseObject has go-jose read the message, which it does strictly. It may see
// any algorithm: it is given content keys, and never unwraps one.
func (m *Message) parseObject(text []byte) error {
	parse := jose.ParseEncryptedJSON
	if m.Form == "compact" {
		parse = jose.ParseEncryptedCompact
	}
	var err error
	if m.object, err = parse(string(text), m.names, []jose.ContentEncryption{jose.ContentEncryption(m.Encryption)}); err != nil {
		return malformed("a JWE in its " + m.Form + " form") // the cause may quote the message
	}
	return nil
}

// Decrypt returns the content, which one of the content keys opens, or
// [cms.ErrDecrypt].
func (m *Message) Decrypt(ceks [][]byte) ([]byte, error) {
	for _, cek := range ceks {
		if _, _, plaintext, err := m.object.DecryptMulti(&openedKey{cek}); err == nil {
			return plaintext, nil
		}
	}
	return nil, cms.ErrDecrypt
}

// An openedKey hands go-jose a content key, once: the recipients share it.
type openedKey struct{ cek []byte }

func (k *openedKey) DecryptKey([]byte, jose.Header) ([]byte, error) {
	cek := k.cek
	k.cek = nil
	if cek == nil {
		return nil, errors.New("the content key was tried")
	}
	return cek, nil
}
