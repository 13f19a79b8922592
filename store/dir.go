package store

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"sync"

	"poolcert/batch"
)

// Dir is a store in a directory that tasks read, in the layout of Batch nodes:
//
//	current -> generations/000042
//	current/task/sha1-<thumbprint>.pfx      as the submitter added it
//	current/task/sha1-<thumbprint>.pfx.pw   its password, without a newline
//	current/task/sha1-<thumbprint>.cer      the certificate in DER
//
// and likewise starttask and remoteuser. A reference of format cer has the .cer
// only. Each visibility that has an owner has its folder, even when it is empty.
type Dir struct {
	root   string
	owners map[batch.Visibility]Owner
	keep   int

	mu  sync.Mutex // held by Replace and Repair for their whole time
	now sync.Mutex // guards set, so that readers do not wait for the disk
	set *set
}

// DirOptions say where a [Dir] is and who may read it.
type DirOptions struct {
	// Root is made when it does not exist (its parent must). It has to be a real
	// folder that belongs to this process's user and that no one else may write.
	Root string

	// Owners are the users and groups who get the folder (mode 0750) and the
	// files (0440) of a visibility. Entries with a visibility that has no owner
	// fail with ErrNoOwner.
	Owners map[batch.Visibility]Owner

	// KeepGenerations is how many older generations stay for processes that still
	// read there. Of those, only files go on to exist that are also in the current
	// generation: a removed certificate stays nowhere. Zero means 1, negative none.
	KeepGenerations int
}

// An Owner is a numeric user and group. The zero value is root.
type Owner struct{ UID, GID int }

// OpenDir opens the directory and removes what a crash may have left over. It
// does not touch the current set.
//
// Only one Dir may be open for a Root: the caller keeps other processes out.
func OpenDir(opts DirOptions) (*Dir, error) {
	return nil, errors.ErrUnsupported
}

// Replace implements [Store].
func (d *Dir) Replace(ctx context.Context, entries []Entry) (failed map[batch.Thumbprint]error, err error) {
	return nil, errors.ErrUnsupported
}

// List implements [Store].
func (d *Dir) List(ctx context.Context) ([]Installed, error) {
	return d.current().list(), ctx.Err()
}

// Repair implements [Store].
func (d *Dir) Repair(ctx context.Context) ([]Drift, error) {
	return nil, errors.ErrUnsupported
}

// PrivateKey implements [Store].
func (d *Dir) PrivateKey(ctx context.Context, visible []batch.Visibility, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	return d.current().privateKey(ctx, visible, match)
}

func (d *Dir) current() *set {
	d.now.Lock()
	defer d.now.Unlock()
	return d.set
}
