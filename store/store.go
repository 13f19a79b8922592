// Package store keeps a node's certificates with their private keys.
//
// Call [OpenDir] for the directory that tasks read, [OpenSystem] for the certificate
// stores of Windows, or [NewMemory] for a store without files, then [Store.Replace] with the whole set that the node should
// have, each time that it changes.
//
// Promises. A set is installed as a whole: whoever looks, at any time and after
// any crash, finds the old set or the new one; only Withdraw, for when that cannot
// be, goes one by one; and the stores of Windows, of which [System] tells, get what is
// new before they lose what is old. An entry that cannot be installed
// harms no other. What is removed from the set is gone when Replace returns, keys
// overwritten. A private key is readable only by the owners of its visibilities.
//
// A store holds what this process installed: open one and Replace first. After
// OpenDir the files of an earlier process stay in place for their readers, but
// List and PrivateKey know nothing of them.
//
// All methods are safe for concurrent use. Do not change an [Entry] that was
// given to a store, and do not log one.
package store

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"poolcert/batch"
	"poolcert/internal/pfx"
)

// A Store holds one set of certificates.
type Store interface {
	// Replace makes the store hold exactly entries, in one step that a crash
	// cannot split. Where several references have one name, it stands for the first
	// that can be installed, which should be the current one.
	//
	// Entries that cannot be installed are in failed, each with its cause, and
	// not in the store. An error is about the set as a whole: the old set stays,
	// unless the error wraps ErrUnfinished. When ctx ends first, the old set stays.
	Replace(ctx context.Context, entries []Entry) (failed map[batch.Thumbprint]error, err error)

	// Withdraw takes away what references do not allow: certificates, and
	// visibilities of them. It is for when Replace failed. It writes nothing new, so
	// that it works where Replace cannot, say on a full disk. Keys are out of use
	// when it returns, also with an error, which says that files may be left.
	Withdraw(ctx context.Context, references []batch.CertificateReference) error

	// List returns what is installed, in the order of the entries.
	List(ctx context.Context) ([]Installed, error)

	// Repair compares what is there with the last Replace, mends all that
	// differs, and returns what it found. It also completes what an ErrUnfinished
	// left over. Before the first Replace it changes nothing that is in use.
	Repair(ctx context.Context) ([]Drift, error)

	// PrivateKey returns the key of the first certificate that match accepts,
	// among those that have a key and one of the given visibilities.
	// ErrNotFound when there is none.
	PrivateKey(ctx context.Context, visible []batch.Visibility, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error)
}

// An Entry is one certificate as a node should have it.
type Entry struct {
	Reference batch.CertificateReference // with its defaults set, see WithDefaults
	Format    batch.CertificateFormat    // empty means FormatPFX
	Data      []byte                     // the PFX, or the certificate, as the submitter added it
	Password  batch.Password             // of the PFX
	Bundle    *pfx.Bundle                // what Data holds; Key is nil for FormatCER
}

func (e Entry) isCER() bool { return e.Format == batch.FormatCER }

// Installed is a certificate that a store holds.
type Installed struct {
	Reference   batch.CertificateReference
	Certificate *x509.Certificate
	HasKey      bool
	Since       time.Time // when this process installed it first, without a gap
}

// A Drift is a difference that [Store.Repair] found.
type Drift struct {
	Path  string // slash-separated, relative to the store's root
	Cause string // in words, such as "content changed"
}

func (d Drift) String() string { return d.Path + ": " + d.Cause }

var (
	// ErrNotFound: the store has no such certificate with a key, or none that
	// the visibilities allow.
	ErrNotFound = errors.New("no such certificate in the store")

	// ErrEntry is wrapped by the failure of an entry that contradicts itself.
	ErrEntry = errors.New("not a valid entry")

	// ErrNoOwner is wrapped by the failure of an entry with a visibility for
	// which the node has no owner, or one that the process may not give files to.
	ErrNoOwner = errors.New("no owner for this visibility on this node")

	// ErrUnfinished is wrapped by an error of Replace or Repair after the step
	// that installs: the new set is in place, but files of an old one may be
	// left, or the new one may not survive a power loss. Call Repair to try again.
	ErrUnfinished = errors.New("the new set is in place, but not all of the old one is gone")
)

// checkEntry tells whether e agrees with itself.
func checkEntry(e Entry) error {
	switch {
	case e.Bundle == nil || e.Bundle.Leaf == nil:
		return fmt.Errorf("%w: no certificate", ErrEntry)
	case batch.ThumbprintOf(e.Bundle.Leaf) != e.Reference.Thumbprint:
		return fmt.Errorf("%w: the certificate has thumbprint %s", ErrEntry, batch.ThumbprintOf(e.Bundle.Leaf))
	case len(e.Reference.Visibility) == 0:
		return fmt.Errorf("%w: the reference has no visibility", ErrEntry)
	case e.isCER() && e.Bundle.Key != nil:
		return fmt.Errorf("%w: a private key with format cer", ErrEntry)
	case !e.isCER() && e.Bundle.Key == nil:
		return fmt.Errorf("%w: a PFX without private key", ErrEntry)
	}
	return nil
}
