package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"poolcert/agent/pace"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/fsuser"
	"poolcert/internal/osuser"
)

// A RemoteUserConfig is the table [remoteuser].
type RemoteUserConfig struct {
	// Users get a link certs in their home, as Batch has it, to the files of the
	// visibility remoteuser. Whether they may read these, their groups decide. On Linux
	// only.
	Users []string `toml:"users"`
}

func (c *RemoteUserConfig) check() error {
	if len(c.Users) > 0 && !hasLinks {
		return errors.New("remoteuser.users: links in homes work on Linux only: leave it out, and tell the users the folder current/remoteuser of certificates_dir")
	}
	for i, name := range c.Users {
		err := osuser.CheckName(name)
		switch {
		case name == "" || osuser.IsID(name):
			return fmt.Errorf("remoteuser.users: %q is not the name of a user", name)
		case err != nil:
			return fmt.Errorf("remoteuser.users: %w", err)
		case slices.Contains(c.Users[:i], name):
			return fmt.Errorf("remoteuser.users: %s is there twice", name)
		}
	}
	return nil
}

// A LinkStatus tells of the link in a remote user's home.
type LinkStatus struct {
	User  string `json:"user"`
	Path  string `json:"path,omitempty"`
	Error string `json:"error,omitempty"`
}

const (
	linkName = "certs"
	maxLinks = 1 << 20          // bytes of the file
	linkTime = 10 * time.Second // for one home, which may be on a server that does not answer
)

// A homeLink is a link that the agent made, or is about to make.
type homeLink struct {
	User   string `json:"user"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	Home   string `json:"home"`
	Target string `json:"target"`
}

// links keeps the links of remote users. All that happens in a home happens with
// the rights of its user: what that user may have prepared there leads nowhere
// that the user could not go.
type links struct {
	users    []string
	target   string
	state    *statedir.Dir
	interval time.Duration
	record   *record
	log      *slog.Logger

	asked map[string]chan error // homes that have not answered yet
}

func newLinks(c *Config, state *statedir.Dir, record *record, log *slog.Logger) *links {
	return &links{
		users: c.RemoteUser.Users, target: filepath.Join(c.CertificatesDir, "current", string(batch.RemoteUser)),
		state: state, interval: c.CheckInterval, record: record, log: log, asked: make(map[string]chan error),
	}
}

// run returns when ctx ends. A home may come later, and a link may be lost.
func (l *links) run(ctx context.Context) {
	for more := true; more; {
		more = l.tend(ctx) && pace.Sleep(ctx, l.interval) == nil
	}
}

// tend makes the links that are missing, and removes those that are not wanted. It
// returns false when there is nothing more to do, ever.
func (l *links) tend(ctx context.Context) (more bool) {
	made, err := loadLinks(l.state)
	if err != nil {
		l.log.Error("links of remote users not known", "err", err)
		return true
	}
	var want, keep []homeLink
	var all []LinkStatus
	note := func(user, path string, err error) {
		s := LinkStatus{User: user, Path: path}
		if err != nil {
			s.Error = oneLine(err)
		}
		all = append(all, s)
	}
	for _, name := range l.users {
		link, err := lookupHome(name)
		if err != nil {
			note(name, "", err)
			for _, old := range made { // nobody says that the user is gone
				if old.User == name {
					keep = append(keep, old)
				}
			}
			continue
		}
		link.Target = l.target
		want = append(want, link)
	}
	// Written down first: a crash leaves no link that nobody knows.
	keep = append(keep, want...)
	for _, old := range made {
		if slices.Contains(keep, old) {
			continue
		}
		if err := l.within(ctx, old, old.remove); err != nil {
			note(old.User, old.path(), fmt.Errorf("remove: %w", err))
			keep = append(keep, old)
		}
	}
	if !slices.Equal(made, keep) {
		if err := saveLinks(l.state, keep); err != nil {
			l.log.Error("links of remote users not made", "err", err)
			return true
		}
	}
	for _, link := range want {
		note(link.User, link.path(), l.within(ctx, link, link.make))
	}
	if ctx.Err() == nil {
		l.tell(all)
	}
	return len(l.users)+len(keep) > 0
}

// tell notes the links, and logs errors that are new.
func (l *links) tell(all []LinkStatus) {
	was := l.record.setLinks(all)
	for _, s := range all {
		if s.Error != "" && !slices.Contains(was, s) {
			l.log.Warn("link of a remote user not as it should be", "user", s.User, "err", s.Error)
		}
	}
}

// within runs do as the user of a link, for some time. A home that does not answer
// is asked again when it has.
func (l *links) within(ctx context.Context, link homeLink, do func() error) error {
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
	case <-time.After(linkTime):
		l.asked[link.Home] = done
		return silent
	}
}

func (h homeLink) path() string { return filepath.Join(h.Home, linkName) }

// setLinks returns what was known before.
func (r *record) setLinks(all []LinkStatus) (was []LinkStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	was, r.links = r.links, all
	return was
}

func loadLinks(s *statedir.Dir) ([]homeLink, error) {
	data, err := s.Read(statedir.LinksFile, maxLinks)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []homeLink
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.File(statedir.LinksFile), err)
	}
	return all, nil
}

func saveLinks(s *statedir.Dir, all []homeLink) error {
	if len(all) == 0 {
		return s.Remove(statedir.LinksFile)
	}
	data, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	return s.Write(statedir.LinksFile, data)
}

// removeLinks removes all links, for a node that leaves.
func removeLinks(ctx context.Context, s *statedir.Dir) error {
	made, err := loadLinks(s)
	if err != nil || len(made) == 0 {
		return err
	}
	l := &links{state: s, asked: make(map[string]chan error)}
	var left []homeLink
	var errs []error
	for _, link := range made {
		if err := l.within(ctx, link, link.remove); err != nil {
			left = append(left, link)
			errs = append(errs, fmt.Errorf("remove %s: %w", link.path(), err))
		}
	}
	return errors.Join(append(errs, saveLinks(s, left))...)
}
