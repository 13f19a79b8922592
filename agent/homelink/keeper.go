// Package homelink keeps a link certs in the homes of remote users, as Batch has it, to the
// files of certificates that are for them.
//
// Call [New], and [Keeper.Run] with the rest of the agent; [Remove] when the node leaves its
// pool. [Lookup] tells which link a user would get.
//
// Promises. All that happens in a home happens with the rights of its user: what that user
// may have prepared there leads nowhere that the user could not go. What is in the link's
// place stays as it is, and is told. Each link is written down before it is made, so that a
// crash leaves none that nobody knows. A home that does not answer, such as on a server that
// is down, holds up nobody.
//
// It works on Linux only: see [Supported].
package homelink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"poolcert/agent/pace"
	"poolcert/agent/statedir"
	"poolcert/internal/fsuser"
)

// A Status tells of the link in a remote user's home.
type Status struct {
	User  string `json:"user"`
	Path  string `json:"path,omitempty"`
	Error string `json:"error,omitempty"`
}

const (
	name    = "certs"
	maxFile = 1 << 20          // bytes of the file
	timeout = 10 * time.Second // for one home, which may be on a server that does not answer
)

// A Link is a link that the agent made, or is about to make.
type Link struct {
	User   string `json:"user"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Home   string `json:"home"`
	Target string `json:"target"`
}

// Options are what is to be kept, and where it is told.
type Options struct {
	Users    []string       // who get a link
	Target   string         // the folder that all links lead to
	State    *statedir.Dir  // remembers what was made
	Interval time.Duration  // between two looks: a home may come later, and a link may be lost
	Tell     func([]Status) // gets all links after each look
	Log      *slog.Logger
}

// A Keeper keeps the links of remote users.
type Keeper struct {
	Options

	told  []Status              // last
	asked map[string]chan error // homes that have not answered yet
}

// New returns a keeper. It makes nothing yet.
func New(opts Options) *Keeper {
	return &Keeper{Options: opts, asked: make(map[string]chan error)}
}

// Run keeps the links until ctx ends, or until there is nothing to keep, ever.
func (l *Keeper) Run(ctx context.Context) {
	for more := true; more; {
		more = l.tend(ctx) && pace.Sleep(ctx, l.Interval) == nil
	}
}

// tend makes the links that are missing, and removes those that are not wanted. It
// returns false when there is nothing more to do, ever.
func (l *Keeper) tend(ctx context.Context) (more bool) {
	made, err := load(l.State)
	if err != nil {
		l.Log.Error("links of remote users not known", "err", err)
		return true
	}
	var want, keep []Link
	var all []Status
	note := func(user, path string, err error) {
		s := Status{User: user, Path: path}
		if err != nil {
			s.Error = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		all = append(all, s)
	}
	for _, name := range l.Users {
		link, err := Lookup(name)
		if err != nil {
			note(name, "", err)
			for _, old := range made { // nobody says that the user is gone
				if old.User == name {
					keep = append(keep, old)
				}
			}
			continue
		}
		link.Target = l.Target
		want = append(want, link)
	}
	// Written down first: a crash leaves no link that nobody knows.
	keep = append(keep, want...)
	for _, old := range made {
		if slices.Contains(keep, old) {
			continue
		}
		if err := l.within(ctx, old, old.remove); err != nil {
			note(old.User, old.Path(), fmt.Errorf("remove: %w", err))
			keep = append(keep, old)
		}
	}
	if !slices.Equal(made, keep) {
		if err := save(l.State, keep); err != nil {
			l.Log.Error("links of remote users not made", "err", err)
			return true
		}
	}
	for _, link := range want {
		note(link.User, link.Path(), l.within(ctx, link, link.make))
	}
	if ctx.Err() == nil {
		l.tell(all)
	}
	return len(l.Users)+len(keep) > 0
}

// tell tells of the links, and logs errors that are new.
func (l *Keeper) tell(all []Status) {
	for _, s := range all {
		if s.Error != "" && !slices.Contains(l.told, s) {
			l.Log.Warn("link of a remote user not as it should be", "user", s.User, "err", s.Error)
		}
	}
	l.told = all
	l.Tell(all)
}

// within runs do as the user of a link, for some time. A home that does not answer
// is asked again when it has.
func (l *Keeper) within(ctx context.Context, link Link, do func() error) error {
	silent := fmt.Errorf("home %s does not answer", link.Home)
	if done, ok := l.asked[link.Home]; ok {
		select {
		case <-done:
			delete(l.asked, link.Home)
		default:
			return silent
		}
	}
	done := make(chan error, 1)
	go func() { done <- fsuser.Do(link.UID, link.GID, do) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(timeout):
		l.asked[link.Home] = done
		return silent
	}
}

// Path is where the link is.
func (h Link) Path() string { return filepath.Join(h.Home, name) }

func load(s *statedir.Dir) ([]Link, error) {
	data, err := s.Read(statedir.LinksFile, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Link
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.File(statedir.LinksFile), err)
	}
	return all, nil
}

func save(s *statedir.Dir, all []Link) error {
	if len(all) == 0 {
		return s.Remove(statedir.LinksFile)
	}
	data, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	return s.Write(statedir.LinksFile, data)
}

// Remove removes all links, for a node that leaves.
func Remove(ctx context.Context, s *statedir.Dir) error {
	made, err := load(s)
	if err != nil || len(made) == 0 {
		return err
	}
	l := New(Options{State: s})
	var left []Link
	var errs []error
	for _, link := range made {
		if err := l.within(ctx, link, link.remove); err != nil {
			left = append(left, link)
			errs = append(errs, fmt.Errorf("remove %s: %w", link.Path(), err))
		}
	}
	return errors.Join(append(errs, save(s, left))...)
}
