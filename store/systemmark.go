package store

import (
	"encoding/json"
	"slices"

	"poolcert/batch"
	"poolcert/internal/wincrypt"
)

// A mark is what a certificate of ours bears in a store, as JSON.
type mark struct {
	Tag   string `json:"poolcert"` // of SystemOptions
	Store string `json:"store"`    // the key of the place: some stores show what is in others

	// Of a certificate with a key: where that is, and what it was imported for. It goes
	// with the certificate, whatever its own property says by then.
	Key        wincrypt.Container `json:"key,omitzero"`
	Exportable bool               `json:"exportable,omitempty"`

	Visibility []batch.Visibility `json:"visibility,omitempty"` // none: an issuer
}

// encode returns the form in the store.
func (m mark) encode() []byte {
	data, err := json.Marshal(m)
	if err != nil {
		panic(err) // it has texts and numbers
	}
	return data
}

// markOf returns the mark of a certificate that was found in a store, and whether it
// is ours.
func (s *System) markOf(p place, c wincrypt.Certificate) (m mark, ours bool) {
	if len(c.Mark) == 0 || json.Unmarshal(c.Mark, &m) != nil {
		return mark{}, false
	}
	return m, m.Tag == s.opts.Tag && m.Store == p.key()
}

// markFor returns the mark for what has its key at a place.
func (v *visit) markFor(w *wanted, key wincrypt.Container) mark {
	m := mark{Tag: v.opts.Tag, Store: w.key(), Key: key}
	if w.entry != nil {
		m.Visibility = w.entry.Reference.Visibility
		m.Exportable = key != (wincrypt.Container{}) && v.opts.Exportable(w.entry.Reference)
	}
	return m
}

// allowed tells whether references want all that a certificate of an earlier process
// is for. Issuers are for whatever is left.
func (m mark) allowed(t batch.Thumbprint, references []batch.CertificateReference) bool {
	if len(m.Visibility) == 0 {
		return len(references) > 0
	}
	return !slices.ContainsFunc(m.Visibility, func(v batch.Visibility) bool {
		return !slices.ContainsFunc(references, func(r batch.CertificateReference) bool {
			return r.Thumbprint == t && slices.Contains(r.Visibility, v)
		})
	})
}
