// Package lastgood keeps the last set of certificates that a node was told to have,
// sealed, so that a reboot brings it back while the service is down.
//
// Call [New], then [Vault.Load] once, and [Vault.Save] for each set before it is
// installed. [Vault.WillInstall] and [Vault.HasInstalled] note for whom certificates
// were installed, for a start without a set that opens; [WasEvicted] tells others than
// the agent what it was told.
//
// Promises. The set opens on no other node, as no other member, and with no other key;
// where that key lies is for Options.Key to say. A new set replaces the old one in one
// step. What was taken from the node does not come back: when the new set cannot be
// written, an old one that has more is removed. Secrets are cleared from the memory
// that this package works in.
//
// A key that cannot be had now, such as a TPM that is busy, is an error of its own:
// nothing is given up for it. [ErrUnusable] means that the set will never open again.
package lastgood

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"

	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/erase"
	"poolcert/internal/nodeapi"
)

// A Set is the last set that the node was told to have, with what it holds
// of it: enough to install the set after a reboot without the service.
type Set struct {
	Revision     string                                    `json:"revision"`
	References   []batch.CertificateReference              `json:"references"`
	Certificates map[batch.Thumbprint]*nodeapi.Certificate `json:"certificates"`
	Revoked      bool                                      `json:"revoked,omitempty"` // the node was told that it is no member any more
}

// Same compares the certificates by identity: they are never changed.
func (a *Set) Same(b *Set) bool {
	return a.Revision == b.Revision && a.Revoked == b.Revoked && slices.EqualFunc(a.References, b.References, batch.CertificateReference.Same) &&
		maps.Equal(a.Certificates, b.Certificates)
}

// ErrUnusable covers a last-known-good set that cannot be used: damaged, of
// another node, or without its key.
var ErrUnusable = errors.New("the last-known-good set is damaged, or another node's")

const (
	version = 1
	keySize = 32                                                                  // AES-256
	maxSize = nodeapi.MaxReferences * 2 * (nodeapi.MaxData + nodeapi.MaxPassword) // with base64 and JSON
)

// A Vault seals the last-known-good set into the state directory with
// AES-256-GCM, bound to the node. It is not for concurrent use.
type Vault struct {
	state    *statedir.Dir
	key      nodeKey
	node     []byte // the additional data: format and node
	installs string // the certificates directory

	stored []batch.CertificateReference // what the file may hold
	unread bool                         // it may hold anything
}

// Options say how a set is sealed.
type Options struct {
	Key string // where its key lies: KeyInFile and so on; empty: KeyInFile

	// Installs is where certificates go, to tell what was installed there from what
	// another configuration has put elsewhere.
	Installs string
}

// New returns the vault of a node, which is nil for a source that knows no nodes. It
// opens nothing yet.
func New(state *statedir.Dir, id *member.Identity, opts Options) *Vault {
	v := newVault(state, id, keyOf(opts.Key, state, id))
	v.installs = opts.Installs
	return v
}

func newVault(state *statedir.Dir, id *member.Identity, key nodeKey) *Vault {
	if id == nil {
		id = &member.Identity{} // no node is called that
	}
	b := cryptobyte.NewBuilder([]byte("poolcert last known good\x00"))
	b.AddUint8(version)
	for _, field := range nodeOf(id) {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(field)) })
	}
	return &Vault{state: state, key: key, node: b.BytesOrPanic()}
}

// nodeOf names a node as [member.Identity.IsNode] compares it: the service may spell its
// account and pool otherwise after it was restored.
func nodeOf(id *member.Identity) []string {
	return []string{strings.ToLower(id.Account), strings.ToLower(id.Pool), id.Node}
}

// Save replaces the stored set in one step. When that fails, say on a full disk,
// the old set stays, unless it has what the new one has not: a reboot must not
// bring back what was taken away. Then it is removed, which makes room, too, for
// another try.
func (v *Vault) Save(set *Set) error {
	err := errors.Join(v.setEvicted(set.Revoked), v.trySave(set))
	if err != nil && v.Keeps(set.References) && v.state.Remove(statedir.LastGoodFile) == nil {
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
func (v *Vault) dropOtherKeys() {
	for _, file := range []string{statedir.LastGoodKeyFile, statedir.LastGoodTPMFile, statedir.LastGoodDPAPIFile} {
		if file != v.key.file() {
			_ = v.dropFile(file) // again with the next set
		}
	}
}

// IsMissing tells whether somebody took the stored set away. It may be called at any time.
func (v *Vault) IsMissing() bool {
	_, err := os.Lstat(v.state.File(statedir.LastGoodFile))
	return errors.Is(err, fs.ErrNotExist)
}

// Keeps tells whether the stored set may have what is not in references: a
// certificate, or a visibility of one.
func (v *Vault) Keeps(references []batch.CertificateReference) bool {
	return v.unread || slices.ContainsFunc(v.stored, func(old batch.CertificateReference) bool {
		return !slices.ContainsFunc(references, func(r batch.CertificateReference) bool {
			return r.Thumbprint == old.Thumbprint &&
				!slices.ContainsFunc(old.Visibility, func(seen batch.Visibility) bool { return !slices.Contains(r.Visibility, seen) })
		})
	})
}

func (v *Vault) trySave(set *Set) error {
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
	sealed := aead.Seal([]byte{version}, nil, plain, v.node)
	return v.state.Write(statedir.LastGoodFile, sealed)
}

// Load returns the stored set, nil when there is none, and an error that wraps [ErrUnusable]
// when there is one that cannot be used.
func (v *Vault) Load() (*Set, error) {
	set, err := v.tryLoad()
	v.stored, v.unread = nil, err != nil
	if set != nil {
		v.stored = set.References
	}
	return set, err
}

func (v *Vault) tryLoad() (*Set, error) {
	sealed, err := v.state.Read(statedir.LastGoodFile, maxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read last-known-good set: %w", err)
	}
	if len(sealed) == 0 || sealed[0] != version {
		return nil, ErrUnusable
	}
	aead, err := v.aead(false)
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nil, sealed[1:], v.node)
	if err != nil {
		return nil, ErrUnusable
	}
	defer clear(plain)
	var set *Set
	erase.Do(func() { set, err = parseSet(plain) })
	if err != nil {
		return nil, ErrUnusable
	}
	return set, nil
}

// aead makes the cipher; create allows a new key.
func (v *Vault) aead(create bool) (cipher.AEAD, error) {
	key, err := v.key.load(create)
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
