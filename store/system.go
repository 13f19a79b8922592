package store

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"poolcert/batch"
	"poolcert/internal/sddl"
	"poolcert/internal/wincrypt"
)

// System is a [Store] in the certificate stores of Windows: each certificate in the
// one that its reference names, its key where Windows keeps keys, issuers of its PFX in
// the store CA of the same location. Self-signed issuers are installed by references to
// Root alone, into Root.
//
// Several stores cannot be changed in one step. A crash in Replace leaves some of what
// is new beside all of what is old, each certificate whole, with its key; the next
// Replace completes it. What is removed goes after what is new has come.
//
// Each certificate that it adds bears a mark, which others do not see. It changes and
// removes only those with its own mark. Where somebody else has put the same certificate
// into the same store, that one stays as it is, for now and after, and counts as
// installed if it has a key or needs none. An earlier process's certificates are
// taken over by the first Replace, or removed.
//
// PrivateKey has Windows use the key, which does not leave it. Only for what Windows
// cannot do, or while it has lost the key, the key of the entry is used.
type System struct {
	opts    SystemOptions
	account sddl.SID

	held
	owners  map[batch.Visibility]Owner
	keyless []batch.Visibility
	ours    map[spot]mark        // what this process has put there, or taken over
	used    []place              // in which that may be
	dead    []wincrypt.Container // keys that others took the place of
	swept   bool                 // of what an earlier process left

	mu   sync.Mutex
	at   map[batch.Thumbprint]wincrypt.Container // of the keys of the set
	keys map[batch.Thumbprint]*wincrypt.PrivateKey
}

// SystemOptions say where certificates go and who may use keys.
type SystemOptions struct {
	Calls wincrypt.Calls

	// Tag tells whose certificates those with a mark are. It has to be the same after
	// a restart, and another one for another agent of this computer.
	Tag string

	// Owners are the accounts and groups (SIDs) who may use the keys of a visibility
	// without us; the system, the administrators and this process's account always may.
	// Entries with a visibility that has no owner fail with ErrNoOwner.
	Owners map[batch.Visibility]Owner

	// Keyless are the visibilities whose owners may not.
	Keyless []batch.Visibility

	// Exportable tells whether the key may leave Windows. Nil: none may.
	Exportable func(batch.CertificateReference) bool

	// UserAsMachine puts what is for currentuser into localmachine, but for stores
	// that say whom to trust: ErrWiderTrust.
	UserAsMachine bool
}

// ErrOtherUser is wrapped by the failure of an entry for the store of a user whom this
// process does not run as.
var ErrOtherUser = errors.New("the store currentuser is that of the agent's account, which those who may use the key do not see: the reference should say localmachine, or [stores] in the configuration currentuser = \"localmachine\"")

// ErrWiderTrust is wrapped by the failure of an entry for a user's store of what that
// user trusts, where such entries go into the stores of the computer.
var ErrWiderTrust = errors.New("what one user should trust, the whole computer would")

// ErrForeign is wrapped by the failure of an entry whose certificate somebody else
// has put into the store, without its key.
var ErrForeign = errors.New("somebody else has put this certificate into the store without its private key: take it out there, and it is installed")

// OpenSystem returns the stores. It changes nothing.
func OpenSystem(opts SystemOptions) (*System, error) {
	account, err := opts.Calls.Account()
	if err != nil {
		return nil, fmt.Errorf("open certificate stores: %w", err)
	}
	if opts.Exportable == nil {
		opts.Exportable = func(batch.CertificateReference) bool { return false }
	}
	return &System{
		opts: opts, account: account, owners: maps.Clone(opts.Owners), keyless: slices.Clone(opts.Keyless),
		ours: make(map[spot]mark), keys: make(map[batch.Thumbprint]*wincrypt.PrivateKey),
	}, nil
}

// Close ends the use of keys. What is installed stays.
func (s *System) Close() error {
	s.use(s.current(), nil)
	return nil
}

// SetOwners replaces the owners of the options for the installs that follow.
func (s *System) SetOwners(owners map[batch.Visibility]Owner) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.owners = maps.Clone(owners)
}

// Replace implements [Store].
func (s *System) Replace(ctx context.Context, entries []Entry) (failed map[batch.Thumbprint]error, err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v := s.visit(s.owners, s.keyless)
	next, failed := newSet(entries, s.current(), func(e Entry) error { return v.install(ctx, e) })
	next.owners, next.keyless = s.owners, s.keyless
	at := v.containers(next)
	if err := errors.Join(ctx.Err(), v.close()); err != nil {
		return nil, fmt.Errorf("replace certificates in the stores: %w", errors.Join(err, s.undo(v.added)))
	}
	s.use(next, at)
	if _, err = s.settle(context.WithoutCancel(ctx), next); err != nil {
		return failed, fmt.Errorf("replace certificates in the stores: %w: %w", ErrUnfinished, err)
	}
	return failed, nil
}

// undo removes what a Replace that ended early has added.
func (s *System) undo(added map[spot]bool) error {
	set := s.current()
	v := s.visit(set.owners, set.keyless)
	return errors.Join(v.sweep(set, func(sp spot, _ mark) bool { return !added[sp] }), v.close())
}

// settle brings what is in the stores to the set, which is installed, and removes the
// rest. It returns what differed.
func (s *System) settle(ctx context.Context, set *set) ([]Drift, error) {
	v := s.visit(set.owners, set.keyless)
	found, err := v.mend(ctx, set)
	if err := ctx.Err(); err != nil {
		return nil, errors.Join(err, v.close())
	}
	s.use(set, v.containers(set))
	err = errors.Join(err, v.sweep(set, nil), v.close())
	s.swept = s.swept || err == nil
	return found, err
}

// Repair implements [Store].
func (s *System) Repair(ctx context.Context) ([]Drift, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	set := s.current()
	if err := ctx.Err(); err != nil || set.since == nil {
		return nil, err
	}
	found, err := s.settle(ctx, set)
	if err != nil {
		return found, fmt.Errorf("mend certificates in the stores: %w", err)
	}
	return found, nil
}

// Withdraw implements [Store]. It goes by the marks in the stores, also those of an
// earlier process.
func (s *System) Withdraw(ctx context.Context, references []batch.CertificateReference) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	next := s.current().narrow(references)
	s.use(next, s.containersOf(next)) // no more use of the other keys, whatever becomes of the stores
	v := s.visit(next.owners, next.keyless)
	allowed := func(sp spot, m mark) bool {
		return next.since == nil && m.allowed(sp.thumbprint, references)
	}
	if err := errors.Join(v.narrow(context.WithoutCancel(ctx), next), v.sweep(next, allowed), v.close()); err != nil {
		return fmt.Errorf("withdraw certificates from the stores: %w", err)
	}
	return nil
}

// Watch sends to changed, which has room for one, when certificates or their properties
// change in a store of localmachine: once, if it is not ended before. Nothing tells of
// changes of keys, of who may use them, and in currentuser: call Repair from time to time.
func (s *System) Watch(changed chan<- struct{}) (end func(), err error) {
	return s.opts.Calls.Watch(changed)
}

// PrivateKey implements [Store].
func (s *System) PrivateKey(ctx context.Context, visible []batch.Visibility, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	e, err := s.current().find(ctx, visible, match)
	if err != nil {
		return nil, nil, err
	}
	key, err := s.key(e)
	if err != nil {
		return nil, nil, err
	}
	return e.Bundle.Leaf, key, nil
}
