package osuser

import (
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/windows"
)

// authority is the system's local security authority, which asks domain controllers
// and keeps what they say. It has no time limit.
var authority = newNamer(lookupAccount)

// A namer asks for accounts by name, one after the other. It is safe for concurrent use.
type namer struct {
	ask    func(name string) (found, error)
	asking chan struct{} // has one element while a question is not answered

	mu      sync.Mutex
	answers map[string]answer
	silent  time.Time // not asked before, since the last question had no answer
}

type answer struct {
	found
	given time.Time
}

func newNamer(ask func(string) (found, error)) *namer {
	return &namer{ask: ask, asking: make(chan struct{}, 1), answers: make(map[string]answer)}
}

func forget() {
	authority.mu.Lock()
	defer authority.mu.Unlock()
	clear(authority.answers)
	authority.silent = time.Time{}
}

// lookup asks now. A failure of who is asked, other than that there is no such name,
// leaves an answer of less than a day in force.
func (n *namer) lookup(name string) (found, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	err := errNoReply
	var now found
	if time.Now().After(n.silent) {
		now, err = n.try(name)
	}
	if errors.Is(err, errNoReply) && time.Now().After(n.silent) {
		n.silent = time.Now().Add(unknownTime)
	}
	if err == nil {
		n.answers[name] = answer{now, time.Now()} // as many as the configuration has
		return now, nil
	}
	if before, ok := n.answers[name]; ok && !errors.Is(err, windows.ERROR_NONE_MAPPED) && time.Since(before.given) < keptTime {
		return before.found, nil
	}
	return found{}, err
}

// try gives up after a while; until the question is answered, no other one is asked.
func (n *namer) try(name string) (found, error) {
	type reply struct {
		found
		err error
	}
	limit := time.NewTimer(answerTime)
	defer limit.Stop()
	select {
	case n.asking <- struct{}{}:
	case <-limit.C:
		return found{}, errNoReply
	}
	replies := make(chan reply, 1)
	go func() {
		defer func() { <-n.asking }()
		f, err := n.ask(name)
		replies <- reply{f, err}
	}()
	select {
	case r := <-replies:
		return r.found, r.err
	case <-limit.C:
		return found{}, errNoReply
	}
}
