package local

import (
	"maps"
	"sync"
	"time"

	"poolcert/internal/osuser"
)

// noticeTime is how long what a user causes is told once only.
const noticeTime = time.Minute

// maxQuiet is for how many users something is remembered that has no effect any
// more.
const maxQuiet = 1000

// notices keep a user from filling the log. The zero value is ready.
type notices struct {
	mu sync.Mutex
	of map[osuser.ID]*notice
}

type notice struct {
	until  time.Time
	untold int
}

// next tells whether an event that a user causes now is to be told, and if so, how
// many since the last one that was told were not.
func (n *notices) next(user osuser.ID) (untold int, tell bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	last := n.of[user]
	switch {
	case last == nil:
		if n.of == nil {
			n.of = make(map[osuser.ID]*notice)
		}
		if len(n.of) >= maxQuiet {
			maps.DeleteFunc(n.of, func(_ osuser.ID, old *notice) bool { return !now.Before(old.until) })
		}
		last = new(notice)
		n.of[user] = last
	case now.Before(last.until):
		last.untold++
		return 0, false
	}
	untold, last.untold = last.untold, 0
	last.until = now.Add(noticeTime)
	return untold, true
}
