package localsock

import (
	"time"

	"golang.org/x/sys/windows"
)

const (
	// mute clients are those who have not said anything yet. When there are more, the
	// first of them goes.
	maxMute  = 128
	muteTime = 5 * time.Second

	// backlog is how many clients wait for Accept. Others are turned away.
	backlog = 512
)

// admit lets a client in as soon as it has said something, which is when the kernel
// knows who it is.
func (l *listener) admit(handle windows.Handle) {
	p, err := newPipe(handle, l.path)
	if err != nil {
		return
	}
	if !l.enter(p) {
		p.Close()
		return
	}
	l.admitting.Go(func() {
		_ = p.SetReadDeadline(time.Now().Add(muteTime))
		err := p.hear()
		if !l.leave(p) || err != nil {
			p.Close()
			return
		}
		_ = p.SetReadDeadline(time.Time{})
		p.caller, p.err = l.identify(p)
		select {
		case l.ready <- p:
		default:
			p.Close()
		}
	})
}

// enter counts a client that has not said anything yet.
func (l *listener) enter(p *pipe) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return false
	}
	if len(l.mute) == maxMute {
		l.mute[0].Close()
		l.mute = l.mute[1:]
	}
	l.mute = append(l.mute, p)
	return true
}

// leave tells whether the client was still counted.
func (l *listener) leave(p *pipe) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, other := range l.mute {
		if other == p {
			l.mute = append(l.mute[:i:i], l.mute[i+1:]...)
			return true
		}
	}
	return false
}
