package local

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"poolcert/internal/osuser"
)

// turns give out a number of places, to the users who wait one after the other:
// who waits for a hundred places holds up nobody by more than one. The zero value
// has no places.
type turns struct {
	mu    sync.Mutex
	free  int
	lines []*line // of users who wait; the first is the next one
}

// A line has the requests of one user that wait, the oldest first.
type line struct {
	user    osuser.ID
	waiting []chan struct{} // closed when the request has its turn
}

func newTurns(places int) *turns { return &turns{free: places} }

// take waits for a turn of user, at most for waitTime.
func (t *turns) take(ctx context.Context, user osuser.ID) (release func(), err error) {
	t.mu.Lock()
	if t.free > 0 { // then nobody waits
		t.free--
		t.mu.Unlock()
		return t.release, nil
	}
	turn := make(chan struct{})
	t.enter(user, turn)
	t.mu.Unlock()

	waiting, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	select {
	case <-turn:
		return t.release, nil
	case <-waiting.Done():
	}
	if !t.leave(user, turn) { // it has come in this moment
		t.release()
	}
	return nil, errors.Join(ErrBusy, fmt.Errorf("waited up to %v: %w", waitTime, waiting.Err()))
}

// enter puts a request into the line of its user.
func (t *turns) enter(user osuser.ID, turn chan struct{}) {
	i := slices.IndexFunc(t.lines, func(l *line) bool { return l.user == user })
	if i < 0 {
		i = len(t.lines)
		t.lines = append(t.lines, &line{user: user})
	}
	t.lines[i].waiting = append(t.lines[i].waiting, turn)
}

// leave takes a request that gives up out of its line, and tells whether it was
// there.
func (t *turns) leave(user osuser.ID, turn chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, l := range t.lines {
		j := slices.Index(l.waiting, turn)
		if l.user != user || j < 0 {
			continue
		}
		if l.waiting = slices.Delete(l.waiting, j, j+1); len(l.waiting) == 0 {
			t.lines = slices.Delete(t.lines, i, i+1)
		}
		return true
	}
	return false
}

// release ends a turn. If another request has it now, that one goes on at once on this
// processor, and the caller on the next that is free: it has but an answer to write.
func (t *turns) release() {
	if t.pass() {
		runtime.Gosched()
	}
}

// pass gives a turn to the next user, who goes to the end, and tells whether there is one.
func (t *turns) pass() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == 0 {
		t.free++
		return false
	}
	l := t.lines[0]
	close(l.waiting[0])
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	t.lines = slices.Delete(t.lines, 0, 1)
	if len(l.waiting) > 0 {
		t.lines = append(t.lines, l)
	}
	return true
}
