// Package binding ties a sealed message to where, by whom and until when it may be
// opened.
//
// Who seals calls [Parse] and gives [Binding.Label] to cms.Options. Whoever opens
// for others, as the node's agent does, calls [FromLabel] on the label of each
// recipient, and [Binding.Check] before it uses the private key.
//
// Promised: the binding is a part of how the content key is encrypted: the label
// of RSAES-OAEP, or the keying material of ECDH. Without it, or with another one,
// the private key opens nothing, so that nobody can take it off a message.
//
// It binds those who ask the agent. Who has the private key itself, as a file, is
// not bound by anything.
package binding

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"poolcert/internal/localsock"
)

// ErrBound is wrapped by the errors of [Binding.Check].
var ErrBound = errors.New("the message is bound")

// A Binding says what must hold. Empty fields ask for nothing.
type Binding struct {
	// Pool is the id of the pool that the node is in, in any case of letters.
	Pool string

	// Job is a pattern of path.Match for the id of the caller's Slurm job, such as
	// "1234" or "12*"; one that begins with "/" is for the control group of its
	// process, as in localsock.Process.InCgroup.
	Job string

	// NotAfter is the last moment, by the clock of the node.
	NotAfter time.Time
}

// A Place is where, by whom and when a message is to be opened.
type Place struct {
	Pool    string // empty: the node is in none
	Process localsock.Process
	Time    time.Time
}

var poolID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) })

// maxText bounds the text of a binding, in bytes.
const maxText = 512

// Parse reads the text form, such as "pool=render,job=1234,not-after=2026-12-31".
// A date without a time means its end, in UTC.
func Parse(text string) (*Binding, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("binding: more than %d bytes", maxText)
	}
	b := new(Binding)
	seen := make(map[string]bool)
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		if seen[name] || value == "" {
			return nil, fmt.Errorf("binding: %q is empty or there twice, or has no value", part)
		}
		seen[name] = true
		if err := b.set(name, value); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Binding) set(name, value string) (err error) {
	switch name {
	case "pool":
		b.Pool = value
		if !poolID().MatchString(value) {
			err = fmt.Errorf("binding: %q is no id of a pool", value)
		}
	case "job":
		b.Job = value
		if strings.HasPrefix(value, "/") {
			err = localsock.CheckCgroup(value)
		} else if _, bad := path.Match(value, ""); bad != nil || strings.ContainsAny(value, " \t\r\n") {
			err = fmt.Errorf("binding: %q is no pattern for a job", value)
		}
	case "not-after":
		b.NotAfter, err = parseTime(value)
	default:
		err = fmt.Errorf("binding: %q is none of pool, job, not-after", name)
	}
	return err
}

func parseTime(text string) (time.Time, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Nanosecond() != 0 || t.Year() < 2000 || t.Year() > 9999 {
		return t, fmt.Errorf("binding: %q is no time such as 2026-12-31 or 2026-12-31T18:00:00Z", text)
	}
	return t.UTC(), nil
}

// String returns the text form, which Parse reads.
func (b *Binding) String() string {
	var parts []string
	if b.Pool != "" {
		parts = append(parts, "pool="+b.Pool)
	}
	if b.Job != "" {
		parts = append(parts, "job="+b.Job)
	}
	if !b.NotAfter.IsZero() {
		parts = append(parts, "not-after="+b.NotAfter.UTC().Format(time.RFC3339))
	}
	return strings.Join(parts, ",")
}

// prefix begins each label that is a binding.
const prefix = "poolcert binding 1: "

// Label returns what is put into the encryption of the content key.
func (b *Binding) Label() []byte { return []byte(prefix + b.String()) }

// FromLabel returns the binding that a label is, or nil if it is none. A binding
// that this version does not know is an error: it may not be passed over.
func FromLabel(label []byte) (*Binding, error) {
	text, ok := strings.CutPrefix(string(label), prefix)
	if !ok {
		if strings.HasPrefix(string(label), "poolcert") {
			return nil, fmt.Errorf("%w in a way that this version does not know", ErrBound)
		}
		return nil, nil
	}
	b, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w in a way that this version does not know: %w", ErrBound, err)
	}
	return b, nil
}

// Check returns why the message may not be opened there, or nil.
func (b *Binding) Check(p Place) error {
	switch {
	case b.Pool != "" && p.Pool == "":
		return fmt.Errorf("%w to pool %s, and this node is in none", ErrBound, b.Pool)
	case b.Pool != "" && !strings.EqualFold(b.Pool, p.Pool):
		return fmt.Errorf("%w to pool %s, and this node is in pool %s", ErrBound, b.Pool, p.Pool)
	case b.Job != "" && !b.hasJob(p.Process):
		job := p.Process.Job()
		if strings.HasPrefix(b.Job, "/") {
			return fmt.Errorf("%w to control group %s, and the caller is in %q", ErrBound, b.Job, p.Process.Cgroups)
		}
		if job == "" {
			return fmt.Errorf("%w to job %s, and the caller is of no Slurm job", ErrBound, b.Job)
		}
		return fmt.Errorf("%w to job %s, and the caller is of job %s", ErrBound, b.Job, job)
	case !b.NotAfter.IsZero() && p.Time.After(b.NotAfter):
		return fmt.Errorf("%w until %s, and it is later now", ErrBound, b.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

func (b *Binding) hasJob(p localsock.Process) bool {
	if strings.HasPrefix(b.Job, "/") {
		return p.InCgroup(b.Job)
	}
	job := p.Job()
	ok, err := path.Match(b.Job, job)
	return job != "" && ok && err == nil
}
