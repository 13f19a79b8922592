//go:build !windows

package osuser

import (
	"errors"
	"sync"
	"time"
)

// system is what the system's name services (LDAP, SSSD) say of names that are not in
// its files. Programs without cgo, as ours, read the files only, so getent asks. The
// answers are kept for the whole process.
var system = &nameServices{answers: make(map[string]nameAnswer)}

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

func forget() {
	system.mu.Lock()
	defer system.mu.Unlock()
	clear(system.answers)
	system.silent = time.Time{}
}

// fields returns those of the line of a name that is unknown to the files.
func (s *nameServices) fields(database, name string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := database + " " + name
	if a, ok := s.answers[key]; ok && time.Now().Before(a.until) {
		return a.fields, a.err
	}
	fields, err := s.ask(database, name)
	now := time.Now()
	a, old := nameAnswer{fields: fields, until: now.Add(knownTime), given: now}, s.answers[key]
	switch {
	case err != nil && old.fields != nil && now.Sub(old.given) < keptTime:
		// Name services that are away, or start anew, take no certificate from the
		// node. Some then say that there is no such name.
		a, a.until = old, now.Add(unknownTime)
	case errors.Is(err, errNoName):
		a = nameAnswer{err: errNoName, until: now.Add(unknownTime)}
	case err != nil:
		a = nameAnswer{err: err, until: now.Add(unknownTime)}
	}
	s.answers[key] = a // as many as the configuration has
	return a.fields, a.err
}

// ask is getent, which does not wait again for name services that are silent.
func (s *nameServices) ask(database, name string) ([]string, error) {
	if time.Now().Before(s.silent) {
		return nil, errNoReply
	}
	fields, err := getent(database, name)
	if errors.Is(err, errNoReply) {
		s.silent = time.Now().Add(unknownTime)
	}
	return fields, err
}
