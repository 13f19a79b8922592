package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	getentTime    = 4 * time.Second  // for an answer: an agent that stops may wait for it
	getentKnown   = 10 * time.Minute // that an answer counts
	getentUnknown = 30 * time.Second // that it counts when there is no such name, or no answer
	getentKept    = 24 * time.Hour   // that an answer counts at most when none follows it
	getentLine    = 4096             // bytes of an answer; a group's line may be very long
)

// lookupUser returns the number of a user, who may be given by it.
func lookupUser(name string) (int, error) {
	if isNumber(name) {
		return number(name)
	}
	u, err := user.Lookup(name)
	if errors.As(err, new(user.UnknownUserError)) {
		return systemNames.lookup("passwd", name, err)
	}
	if err != nil {
		return 0, err
	}
	return number(u.Uid)
}

// lookupGroup is lookupUser for groups.
func lookupGroup(name string) (int, error) {
	if isNumber(name) {
		return number(name)
	}
	g, err := user.LookupGroup(name)
	if errors.As(err, new(user.UnknownGroupError)) {
		return systemNames.lookup("group", name, err)
	}
	if err != nil {
		return 0, err
	}
	return number(g.Gid)
}

// lookupHome returns the link of a user, still without its target.
func lookupHome(name string) (homeLink, error) {
	u, err := user.Lookup(name)
	if errors.As(err, new(user.UnknownUserError)) {
		var fields []string
		if fields, err = systemNames.fields("passwd", name, err); err == nil && len(fields) < 6 {
			err = fmt.Errorf("the name services know no home of %s", name)
		}
		if err == nil {
			u = &user.User{Uid: fields[2], Gid: fields[3], HomeDir: fields[5]}
		}
	}
	if err != nil {
		return homeLink{}, err
	}
	uid, uidErr := number(u.Uid)
	gid, gidErr := number(u.Gid)
	if err := errors.Join(uidErr, gidErr); err != nil {
		return homeLink{}, err
	}
	if !filepath.IsAbs(u.HomeDir) || filepath.Clean(u.HomeDir) == "/" {
		return homeLink{}, fmt.Errorf("%s has no home", name)
	}
	return homeLink{User: name, UID: uid, GID: gid, Home: u.HomeDir}, nil
}

// isNumber tells whether text is meant as a number: no name has digits only.
func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// number reads a user's or group's number. The largest one is none: to the
// kernel it means "leave it as it is".
func number(text string) (int, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == math.MaxUint32 || id > math.MaxInt {
		return 0, fmt.Errorf("%s is no number of a user or group: they end at 4294967294", text)
	}
	return int(id), nil
}

// checkName refuses what cannot be a name or number.
func checkName(name string) error {
	if isNumber(name) {
		_, err := number(name)
		return err
	}
	if strings.HasPrefix(name, "-") || len(name) > 256 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == ':' || r == 0x7f }) {
		return fmt.Errorf("%q is no name of a user or group", name)
	}
	return nil
}

// systemNames is what the system's name services (LDAP, SSSD) say of names that are
// not in its files. Programs without cgo, as ours, read the files only, so getent
// asks. The answers are kept for the whole process.
var systemNames = &nameServices{answers: make(map[string]nameAnswer)}

// nameServices is safe for concurrent use; one question is asked at a time.
type nameServices struct {
	mu      sync.Mutex
	answers map[string]nameAnswer // by database and name
	silent  time.Time             // not asked before, since the last question had no answer
}

type nameAnswer struct {
	fields []string // of the name's line, as passwd(5) and group(5) have them
	err    error
	until  time.Time
	given  time.Time // when the name services gave the fields
}

// lookup returns the number of a name that is unknown to the files, as they say
// with the error unknown.
func (s *nameServices) lookup(database, name string, unknown error) (int, error) {
	fields, err := s.fields(database, name, unknown)
	if err != nil {
		return 0, err
	}
	return number(fields[2])
}

func (s *nameServices) fields(database, name string, unknown error) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := database + " " + name
	if a, ok := s.answers[key]; ok && time.Now().Before(a.until) {
		return a.fields, a.err
	}
	fields, err := s.ask(database, name)
	now := time.Now()
	a, old := nameAnswer{fields: fields, until: now.Add(getentKnown), given: now}, s.answers[key]
	switch {
	case err != nil && old.fields != nil && now.Sub(old.given) < getentKept:
		// Name services that are away, or start anew, take no certificate from the
		// node. Some then say that there is no such name.
		a, a.until = old, now.Add(getentUnknown)
	case errors.Is(err, errNoName):
		a = nameAnswer{err: unknown, until: now.Add(getentUnknown)}
	case err != nil:
		a = nameAnswer{err: fmt.Errorf("%w (and %w)", unknown, err), until: now.Add(getentUnknown)}
	}
	s.answers[key] = a // as many as the configuration has
	return a.fields, a.err
}

var (
	errNoName  = errors.New("no such name")
	errNoReply = fmt.Errorf("the name services did not answer in %v", getentTime)
)

// ask is getent, which does not wait again for name services that are silent.
func (s *nameServices) ask(database, name string) ([]string, error) {
	if time.Now().Before(s.silent) {
		return nil, errNoReply
	}
	fields, err := getent(database, name)
	if errors.Is(err, errNoReply) {
		s.silent = time.Now().Add(getentUnknown)
	}
	return fields, err
}

// getent returns the fields of the name's line.
func getent(database, name string) ([]string, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	path, err := exec.LookPath("getent")
	if err != nil {
		return nil, errNoName // this system has its files, and nothing else
	}
	ctx, cancel := context.WithTimeout(context.Background(), getentTime)
	defer cancel()
	out := &firstLine{enough: cancel}
	cmd := exec.CommandContext(ctx, path, database, name)
	cmd.Stdout = out
	cmd.WaitDelay = 100 * time.Millisecond // for what it has started, and leaves behind
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case len(out.text) > 0:
		fields := strings.Split(string(out.text), ":")
		if len(fields) < 4 {
			return nil, errors.New("ask the name services: an answer that is none")
		}
		if _, err := number(fields[2]); err != nil {
			return nil, err
		}
		return fields, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, errNoReply
	case errors.As(err, &exit) && exit.ExitCode() == 2:
		return nil, errNoName
	case err != nil:
		return nil, fmt.Errorf("ask the name services: %w", err)
	}
	return nil, errNoName
}

// A firstLine keeps the beginning of the first line that is written to it.
type firstLine struct {
	text   []byte
	enough func() // called when there is no more to keep
}

func (l *firstLine) Write(p []byte) (int, error) {
	line, _, ended := bytes.Cut(p, []byte("\n"))
	l.text = append(l.text, line[:min(len(line), getentLine-len(l.text))]...)
	if ended || len(l.text) == getentLine {
		l.enough()
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}
