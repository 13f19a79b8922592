package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"poolcert/batch"
)

// Dir is a store in a directory that tasks read, in the layout of Batch nodes:
//
//	current -> generations/000042
//	current/task/sha1-<thumbprint>.pfx      as the submitter added it
//	current/task/sha1-<thumbprint>.pfx.pw   its password, without a newline
//	current/task/sha1-<thumbprint>.cer      the certificate in DER
//	current/task/names/<name>.pfx -> ../sha1-<thumbprint>.pfx
//
// and likewise starttask and remoteuser. DirOptions.Formats may ask for other
// files; a certificate without a key has a .cer or .pem only. Each file of the
// certificate that a name stands for has a link, at a path that stays the same when
// another one takes its place. Each visibility that
// has an owner has its folder, even when it is empty.
//
// On Windows, current is a junction, whose target changes in place, and the links by
// names are second names of the files. On a volume without junctions (there is none on
// Windows that has access rights, but Wine's), current is a folder with second names,
// which two renames exchange: a crash between them is mended by OpenDir. A file that a
// program holds open, and lets nobody remove, stays until Repair after that.
type Dir struct {
	root    string
	owners  map[batch.Visibility]Owner
	formats map[batch.Visibility][]FileFormat
	keyless []batch.Visibility
	keep    int
	step    func(op, name string) error // see tree
	pointer pointer                     // how current leads to a generation; nil until it is known

	held
}

// DirOptions say where a [Dir] is and who may read it.
type DirOptions struct {
	// Root is made when it does not exist (its parent must). It has to be a real
	// folder that belongs to this process's user and that no one else may write; on
	// Windows, the system and the administrators may, too.
	Root string

	// Owners are the users and groups who get the files of a visibility. Who may
	// read the files may list the folder; it gets the group, and stays this
	// process's user's. Where the files have another user, anyone may pass through
	// it (0751). Entries with a visibility that has no owner fail with ErrNoOwner,
	// as do those of an owner with an ACL where the file system has none.
	Owners map[batch.Visibility]Owner

	// Formats are the files of each certificate in the folder of a visibility. A
	// visibility that is not here has FilePFX and FileCER.
	Formats map[batch.Visibility][]FileFormat

	// Keyless are the visibilities whose folders get certificates only: no file
	// there has a private key or a password. What an earlier process left of those
	// goes when the directory is opened, before anything else.
	Keyless []batch.Visibility

	// KeepGenerations is how many older generations stay for processes that still
	// read there. Of those, only files go on to exist that are also in the current
	// generation: a removed certificate stays nowhere. Zero means 1, negative none.
	KeepGenerations int
}

// OpenDir opens the directory and removes what a crash may have left over. Of the
// current set, it touches only keys in folders that are keyless from now on.
//
// Only one Dir may be open for a Root: the caller keeps other processes out.
func OpenDir(opts DirOptions) (*Dir, error) {
	return openDir(opts, nil, nil)
}

func openDir(opts DirOptions, step func(op, name string) error, how pointer) (*Dir, error) {
	if err := supported(); err != nil {
		return nil, err
	}
	d := &Dir{
		root:    opts.Root,
		owners:  maps.Clone(opts.Owners),
		formats: maps.Clone(opts.Formats),
		keyless: slices.Clone(opts.Keyless),
		keep:    opts.KeepGenerations,
		step:    step,
		pointer: how,
	}
	if d.keep == 0 {
		d.keep = 1
	}
	for v := range d.owners {
		if !slices.Contains(batch.Visibilities(), v) {
			return nil, fmt.Errorf("open certificate directory %s: owner of %w %q", d.root, batch.ErrEnum, v)
		}
	}
	t, _, err := d.openTree(false)
	if err != nil {
		return nil, err
	}
	defer t.close()
	d.pointer = t.pointer
	if err := t.wipeKeys(d.keyless); err != nil {
		return nil, fmt.Errorf("remove private keys from %s: %w", d.root, err)
	}
	_ = t.sweep("", d.keep) // what it cannot remove, Replace and Repair report
	return d, nil
}

// SetOwners replaces the owners of the options for the installs that follow.
func (d *Dir) SetOwners(owners map[batch.Visibility]Owner) {
	d.changing.Lock()
	defer d.changing.Unlock()
	d.owners = maps.Clone(owners)
}

// Replace implements [Store].
func (d *Dir) Replace(ctx context.Context, entries []Entry) (failed map[batch.Thumbprint]error, err error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, _, err := d.openTree(true)
	if err != nil {
		return nil, err
	}
	defer t.close()
	// Before, so that leftovers do not fill the disk, and without its error, so
	// that one stubborn file blocks no install: the sweep after it reports that.
	_ = t.sweep(d.current().generation, d.keep)
	if failed, err = d.install(ctx, t, entries, d.keep); err != nil {
		return failed, fmt.Errorf("replace certificates in %s: %w", d.root, err)
	}
	return failed, nil
}

// Repair implements [Store]. It mends by a new generation with the same entries. Of
// the one that drifted, what is as it should be stays for its readers.
func (d *Dir) Repair(ctx context.Context) ([]Drift, error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	t, found, err := d.openTree(true)
	if err != nil {
		return nil, err
	}
	defer t.close()
	s := d.current()
	if s.generation == "" {
		return found, t.sweep("", d.keep)
	}
	more, err := t.compare(ctx, s)
	found = relative(append(found, more...), s.generation)
	if err != nil {
		return nil, fmt.Errorf("check certificates in %s: %w", d.root, err)
	}
	if len(found) == 0 {
		if err := t.finish(s.generation, d.keep); err != nil {
			return nil, fmt.Errorf("clean certificate directory %s: %w", d.root, err)
		}
		return nil, nil
	}
	failed, err := d.install(ctx, t, s.entries, d.keep)
	errs := []error{err}
	for _, err := range failed {
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return found, fmt.Errorf("mend certificates in %s: %w", d.root, err)
	}
	return found, nil
}
