// Package directory is a folder as a node's source of certificates: references.toml says
// what the node has to have, and the files beside it are that. Something else fills the
// folder, such as configuration management.
//
// Call [New]; then [Source.References] in the [Interval] and whenever [Source.Watch] says
// so, and [Source.Certificate] for what these name.
//
// Promises. The folder counts as a whole: while one file is missing, cannot be opened, is
// readable or changeable by others that should not, or is being written, all of it is
// refused with an [*Error], and nothing is ever handed out of half of it. The error names
// all files that are wrong, and holds no secret. A revision is a digest of the content:
// the same files have the same one after a restart, too.
//
// Watching is a convenience, and may be blind, as on a network file system: do not wait
// for it alone.
package directory

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"poolcert/batch"
	"poolcert/internal/filetrust"
	"poolcert/internal/nodeapi"
)

// Interval is how often a folder is read without a known reason: where
// changes are not told, as on a network file system.
const Interval = time.Minute

// A Source is a folder as the source of certificates. It is safe for concurrent use.
type Source struct {
	path string
	step func() // between reading and the look whether that was whole; nil but in tests

	mu      sync.Mutex
	current *snapshot // the last one that was good; nil: none
}

// A snapshot is the content of a folder at one moment, checked.
type snapshot struct {
	references   *nodeapi.References
	certificates map[batch.Thumbprint]*nodeapi.Certificate
}

// New returns the source for a folder, which need not exist yet. It opens nothing.
func New(path string) *Source { return &Source{path: filepath.Clean(path)} }

// References returns what the folder says, or nil if that has this revision. It does not wait. Errors are [*Error].
func (d *Source) References(ctx context.Context, revision string, _ time.Duration) (*nodeapi.References, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.read(ctx)
	if err != nil {
		return nil, &Error{d.path, err}
	}
	d.current = s
	if s.references.Revision == revision {
		return nil, nil
	}
	return s.references, nil
}

// Certificate returns a certificate of what References returned last; for another, the error is
// a [*nodeapi.Error] with CodeNotAllowed.
func (d *Source) Certificate(_ context.Context, thumbprint batch.Thumbprint) (*nodeapi.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil || d.current.certificates[thumbprint] == nil {
		return nil, &nodeapi.Error{Code: nodeapi.CodeNotAllowed, Message: "the directory has no certificate " + thumbprint.String() + " any more"}
	}
	return d.current.certificates[thumbprint], nil
}

// folders returns where a change may be news: the folder itself, and the one in
// which its name is, which tells when a link is set anew, or when a folder that was
// missing appears.
func (d *Source) folders() []string {
	folders := []string{filepath.Dir(d.path)}
	if path, err := filepath.EvalSymlinks(d.path); err == nil {
		folders = append(folders, path)
	}
	return folders
}

// matters tells whether a change of path is news. Beside the folder, it is not: a
// log may lie there.
func (d *Source) matters(path string) bool {
	return filepath.Dir(path) != filepath.Dir(d.path) || slices.Contains(d.folders(), path) || path == d.path
}

var errBusy = errors.New("its files are changing")

// read reads the folder, and makes sure that nobody wrote there meanwhile.
func (d *Source) read(ctx context.Context) (*snapshot, error) {
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, filetrust.Reason(err)
	}
	defer root.Close()
	if err := checkFolder(root); err != nil {
		return nil, err
	}
	f := &folder{root: root}
	s, err := f.snapshot(ctx, d.current)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if d.step != nil {
		d.step()
	}
	// A file that is half written is most often refused for its content; that is
	// no better a reason than this one.
	if f.changed() {
		return nil, errBusy
	}
	return s, err
}

// An Error says what is wrong in the folder of a directory source.
type Error struct {
	Path string // of the folder
	Err  error
}

func (e *Error) Error() string {
	return fmt.Sprintf("directory %s: %s", e.Path, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
}
func (e *Error) Unwrap() error { return e.Err }
