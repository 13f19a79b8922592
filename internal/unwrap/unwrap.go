// Package unwrap opens sealed resource files: many of them, side by side, each to a
// file of its own.
//
// [Find] lists what there is to open in files and folders, and where each would go.
// [Opener.Run] opens it. [Opener.Watch] does both, again and again, as files come to
// folders.
//
// Promises. An output appears whole, verified where the message can be, durable, and
// with mode 0600, or not at all; a killed process leaves nothing else (see package
// securefile). An existing file is not replaced, unless that is asked for: if it has
// the same content already, all is well. Sources are read only if they are regular
// files; links are not followed. A source is removed only if that is asked for, after
// its output is durable. One bad file stops no other.
//
// Memory does not grow with the messages, but with their number, by some hundred bytes
// for each.
package unwrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"poolcert/decrypt"
	"poolcert/internal/securefile"
)

// Errors of a [Result], beside those of package decrypt and of the file system.
var (
	ErrExists     = errors.New("there is a file with other content")
	ErrCollision  = errors.New("another file has the same output")
	ErrNoOutput   = errors.New("its name has no suffix to leave out")
	ErrNotRegular = errors.New("not a regular file")
	ErrNotTried   = errors.New("not tried, because of an earlier error")
	ErrChanged    = errors.New("the source changed meanwhile, and was not removed")
)

// A State is what became of a source.
type State string

const (
	Opened    State = "opened"
	Unchanged State = "unchanged" // the output was there, with the same content
	Failed    State = "failed"
)

// A Result says what became of one source.
type Result struct {
	Source        string
	Output        string
	State         State
	Size          int64 // bytes of content
	Authenticated bool  // the content is protected against changes
	Removed       bool  // the source was
	Err           error // if State is Failed
}

// An Opener opens sealed files. Its fields are not changed while it is in use.
type Opener struct {
	Unwrapper decrypt.Unwrapper
	Options   decrypt.Options // Buffer, TempDir and UnverifiedStream say nothing here

	Match []string // patterns of names in folders; nil: *.p7m, *.cms, *.jwe, *.enc
	To    string   // the folder for outputs; "": that of the source

	Remove  bool // sources that were opened
	Replace bool // outputs that are there
	Jobs    int  // how many at a time; 0: as many as are useful

	// Fatal tells of errors that no other file would do without, such as that the
	// agent does not answer: after one, Run tries nothing else. Nil: there are none.
	Fatal func(error) bool

	own func(path string, info fs.FileInfo) bool // outputs that may be replaced
}

// defaultJobs are more than there are cores, since a private key that is elsewhere is
// waited for.
func defaultJobs() int { return max(4, 2*runtime.GOMAXPROCS(0)) }

// MaxJobs is the most that Jobs may be: an agent gives one user so many connections.
const MaxJobs = 64

// A pending is a source that was opened, and is not in place yet.
type pending struct {
	index  int
	source fs.FileInfo      // as it was read
	out    *securefile.File // nil: unchanged
	result Result
}

// open opens one source, but does not put its output in place.
func (o *Opener) open(ctx context.Context, s Source) (*pending, error) {
	p := &pending{result: Result{Source: s.Path, Output: s.Output, State: Failed}}
	if s.Err != nil {
		return p, s.Err
	}
	in, info, err := openSource(s.Path)
	if err != nil {
		return p, err
	}
	defer in.Close()
	p.source = info
	var w io.Writer
	var old *comparison
	switch there, err := os.Lstat(s.Output); {
	case err == nil && there.Mode().IsRegular() && !o.Replace && !(o.own != nil && o.own(s.Output, there)):
		if old, err = compareWith(s.Output); err != nil {
			return p, err
		}
		defer old.Close()
		w = old
	case err == nil || errors.Is(err, fs.ErrNotExist):
		var opts []securefile.Option
		if err != nil {
			opts = append(opts, securefile.NoReplace())
		}
		if p.out, err = securefile.Create(s.Output, 0o600, opts...); err != nil {
			return p, err
		}
		w = p.out
	default:
		return p, err
	}
	opts := o.Options
	opts.UnverifiedStream = true // nobody sees it before all is known
	res, err := decrypt.Decrypt(ctx, w, in, o.Unwrapper, opts)
	p.result.Size, p.result.Authenticated = res.Size, res.Authenticated
	switch {
	case err != nil && p.out != nil:
		err = errors.Join(err, p.out.Close())
	case err == nil && old != nil && old.differs():
		err = fmt.Errorf("%s: %w", s.Output, ErrExists)
	case err == nil && old != nil:
		p.result.State = Unchanged
	}
	return p, err
}

// finish notes that the output is in place, and removes the source.
func (o *Opener) finish(p *pending, err error) Result {
	r := p.result
	if p.out != nil && err == nil {
		r.State = Opened
	}
	if err == nil && o.Remove {
		r.Removed, err = removeSource(r.Source, p.source)
	}
	if err != nil {
		r.State, r.Err = Failed, err
	}
	return r
}
