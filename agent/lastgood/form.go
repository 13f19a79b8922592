package lastgood

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A setHead is the JSON in front of the certificates of a Set. Their
// files and passwords follow it as they are, sorted by thumbprint: encoding/json
// would leave copies of them in buffers that it keeps for others.
type setHead struct {
	*Set
	Certificates map[batch.Thumbprint]certificateHead `json:"certificates"`
}

type certificateHead struct {
	Format   batch.CertificateFormat `json:"format"`
	Data     int                     `json:"data"`     // its size
	Password int                     `json:"password"` // its size
}

// marshal returns the size of the head in four bytes, the head, and the secrets.
// The caller clears it.
func (set *Set) marshal() ([]byte, error) {
	head := setHead{set, make(map[batch.Thumbprint]certificateHead, len(set.Certificates))}
	size := 0
	for thumbprint, c := range set.Certificates {
		head.Certificates[thumbprint] = certificateHead{c.Format, len(c.Data), len(c.Password)}
		size += len(c.Data) + len(c.Password)
	}
	text, err := json.Marshal(&head)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, 0, 4+len(text)+size)
	plain = binary.BigEndian.AppendUint32(plain, uint32(len(text)))
	plain = append(plain, text...)
	for _, thumbprint := range sortedThumbprints(set.Certificates) {
		c := set.Certificates[thumbprint]
		plain = append(append(plain, c.Data...), c.Password...)
	}
	return plain, nil
}

var errForm = errors.New("not in the form of a last-known-good set")

// parseSet is the inverse of marshal. It keeps no part of plain.
func parseSet(plain []byte) (*Set, error) {
	take := func(n int) (data []byte, ok bool) {
		if n < 0 || n > len(plain) {
			return nil, false
		}
		data, plain = plain[:n], plain[n:]
		return data, true
	}
	size, ok := take(4)
	if !ok {
		return nil, errForm
	}
	text, ok := take(int(binary.BigEndian.Uint32(size)))
	head := setHead{Set: new(Set)}
	if !ok || json.Unmarshal(text, &head) != nil {
		return nil, errForm
	}
	set := head.Set
	set.Certificates = make(map[batch.Thumbprint]*nodeapi.Certificate, len(head.Certificates))
	for _, thumbprint := range sortedThumbprints(head.Certificates) {
		h := head.Certificates[thumbprint]
		data, ok := take(h.Data)
		password, ok2 := take(h.Password)
		if !ok || !ok2 {
			return nil, errForm
		}
		set.Certificates[thumbprint] = &nodeapi.Certificate{Format: h.Format, Data: slices.Clone(data), Password: batch.Password(password)}
	}
	if len(plain) > 0 {
		return nil, errForm
	}
	return set, nil
}

func sortedThumbprints[T any](m map[batch.Thumbprint]T) []batch.Thumbprint {
	return slices.SortedFunc(maps.Keys(m), func(a, b batch.Thumbprint) int { return bytes.Compare(a[:], b[:]) })
}
