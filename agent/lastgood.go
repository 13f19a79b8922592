package agent

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/erase"
	"poolcert/internal/nodeapi"
)

// A lastGood is the last set that the node was told to have, with what it holds
// of it: enough to install the set after a reboot without the service.
type lastGood struct {
	Revision     string                                    `json:"revision"`
	References   []batch.CertificateReference              `json:"references"`
	Certificates map[batch.Thumbprint]*nodeapi.Certificate `json:"certificates"`
	Revoked      bool                                      `json:"revoked,omitempty"` // the node was told that it is no member any more
}

// same compares the certificates by identity: they are never changed.
func (a *lastGood) same(b *lastGood) bool {
	return a.Revision == b.Revision && a.Revoked == b.Revoked && slices.EqualFunc(a.References, b.References, sameReference) &&
		maps.Equal(a.Certificates, b.Certificates)
}

// errLastGood covers a last-known-good set that cannot be used: damaged, of
// another node, or without its key.
var errLastGood = errors.New("the last-known-good set is damaged, or another node's")

const (
	lastGoodVersion = 1
	lastGoodKeySize = 32                                                                  // AES-256
	maxLastGood     = nodeapi.MaxReferences * 2 * (nodeapi.MaxData + nodeapi.MaxPassword) // with base64 and JSON
)

// A vault seals the last-known-good set into the state directory with
// AES-256-GCM, bound to the node. It is not for concurrent use.
type vault struct {
	state    *statedir.Dir
	key      nodeKey // nil: a fileKey
	node     []byte  // the additional data: format and node
	installs string  // the certificates directory

	stored []batch.CertificateReference // what the file may hold
	unread bool                         // it may hold anything
}

// newVault takes nil for a source that knows no nodes.
func newVault(state *statedir.Dir, id *member.Identity) *vault {
	if id == nil {
		id = &member.Identity{} // no node is called that
	}
	b := cryptobyte.NewBuilder([]byte("poolcert last known good\x00"))
	b.AddUint8(lastGoodVersion)
	for _, field := range []string{id.Account, id.Pool, id.Node} {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(field)) })
	}
	return &vault{state: state, node: b.BytesOrPanic()}
}

// save replaces the stored set in one step. When that fails, say on a full disk,
// the old set stays, unless it has what the new one has not: a reboot must not
// bring back what was taken away. Then it is removed, which makes room, too, for
// another try.
func (v *vault) save(set *lastGood) error {
	err := errors.Join(v.setEvicted(set.Revoked), v.trySave(set))
	if err != nil && v.keeps(set.References) && v.state.Remove(statedir.LastGoodFile) == nil {
		v.stored, v.unread = nil, false
		err = v.trySave(set)
	}
	if err != nil {
		v.stored = slices.Concat(v.stored, set.References) // a failure may come after the last step
		return fmt.Errorf("save last-known-good set: %w", err)
	}
	v.stored, v.unread = set.References, false
	v.dropOtherKeys()
	return nil
}

// dropOtherKeys removes keys of a former node_key, which open what is left of
// former sets, say in a backup.
func (v *vault) dropOtherKeys() {
	for _, file := range []string{statedir.LastGoodKeyFile, statedir.LastGoodTPMFile, statedir.LastGoodDPAPIFile} {
		if file != v.from().file() {
			_ = v.dropFile(file) // again with the next set
		}
	}
}

func (v *vault) from() nodeKey {
	if v.key == nil {
		return &fileKey{v.state}
	}
	return v.key
}

// isMissing tells whether somebody took the stored set away. It may be called at any time.
func (v *vault) isMissing() bool {
	_, err := os.Lstat(v.state.File(statedir.LastGoodFile))
	return errors.Is(err, fs.ErrNotExist)
}

// keeps tells whether the stored set may have what is not in references: a
// certificate, or a visibility of one.
func (v *vault) keeps(references []batch.CertificateReference) bool {
	return v.unread || slices.ContainsFunc(v.stored, func(old batch.CertificateReference) bool {
		return !slices.ContainsFunc(references, func(r batch.CertificateReference) bool {
			return r.Thumbprint == old.Thumbprint &&
				!slices.ContainsFunc(old.Visibility, func(seen batch.Visibility) bool { return !slices.Contains(r.Visibility, seen) })
		})
	})
}

func (v *vault) trySave(set *lastGood) error {
	var plain []byte
	var err error
	erase.Do(func() { plain, err = set.marshal() })
	if err != nil {
		return err
	}
	defer clear(plain)
	aead, err := v.aead(true)
	if err != nil {
		return err
	}
	sealed := aead.Seal([]byte{lastGoodVersion}, nil, plain, v.node)
	return v.state.Write(statedir.LastGoodFile, sealed)
}

// load returns the stored set, nil when there is none, and an error that wraps errLastGood
// when there is one that cannot be used.
func (v *vault) load() (*lastGood, error) {
	set, err := v.tryLoad()
	v.stored, v.unread = nil, err != nil
	if set != nil {
		v.stored = set.References
	}
	return set, err
}

func (v *vault) tryLoad() (*lastGood, error) {
	sealed, err := v.state.Read(statedir.LastGoodFile, maxLastGood)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read last-known-good set: %w", err)
	}
	if len(sealed) == 0 || sealed[0] != lastGoodVersion {
		return nil, errLastGood
	}
	aead, err := v.aead(false)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed[1:], v.node)
	if err != nil {
		return nil, errLastGood
	}
	defer clear(plain)
	var set *lastGood
	erase.Do(func() { set, err = parseLastGood(plain) })
	if err != nil {
		return nil, errLastGood
	}
	return set, nil
}

// aead makes the cipher; create allows a new key.
func (v *vault) aead(create bool) (cipher.AEAD, error) {
	key, err := v.from().load(create)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
