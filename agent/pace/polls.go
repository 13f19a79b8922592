package pace

import "time"

// ChangePause lies between a change and the next poll: a burst of changes becomes
// one, and a revision that never rests no busy loop.
const ChangePause = 20 * time.Millisecond

// holdError is how much sooner than asked the end of a whole poll may seem: clocks
// differ. It is small, since polls that end together are to part.
const holdError = 50 * time.Millisecond

// Polls say how long the source may hold the next poll, and how long to pause before
// it. They are told what came of each. They are not for concurrent use.
type Polls struct {
	Hold time.Duration // of the next poll; 0 asks whether the source is there

	wait     time.Duration // of a long poll
	interval time.Duration // of plain polls; 0: long polls
	contact  bool          // the last poll was answered
	failures Retry
}

// NewPolls is for a source that holds polls for wait, or, with an interval, for plain
// polls. No pause after a failure is longer than limit; 0 is [Cap].
func NewPolls(wait, interval, limit time.Duration) *Polls {
	return &Polls{wait: wait, interval: interval, failures: Retry{Cap: limit}}
}

// Probe has the next poll answered at once. Somebody on this node asked for it: when it
// fails, that is no loss of the source that all nodes meet in one moment.
func (p *Polls) Probe() { p.Hold, p.contact = 0, false }

// Refused returns the pause after a poll when the source will not say anything else soon.
func (p *Polls) Refused() time.Duration {
	p.Hold, p.contact = 0, false
	return p.failures.slow()
}

// Failed returns the pause after a poll that was not answered. A source that was there until now
// has lost its other nodes in the same moment. Each comes back with two polls, one
// that asks whether it is there and one that is held, so they come over twice the
// time of a poll: at their usual rate.
func (p *Polls) Failed(err error) time.Duration {
	if p.contact {
		p.failures.begin(2 * p.period())
	}
	p.Hold, p.contact = 0, false
	return p.failures.Next(err)
}

// Answered returns the pause after a poll that the source answered after it held it for
// so long, with a change or without.
func (p *Polls) Answered(changed bool, held time.Duration) time.Duration {
	asked, lost := p.Hold, p.failures.window > 0
	p.failures.Reset()
	p.contact = true
	if p.interval > 0 {
		return p.interval - Jitter(p.interval/10)
	}
	p.Hold = p.wait
	switch {
	case changed:
		return ChangePause
	case asked == 0 && lost:
		return Jitter(p.wait / 10) // else the two polls of a return come in one moment
	case held >= asked.Truncate(time.Second)-holdError:
		return 0
	}
	// A service that stops ends all polls; one that is loaded does not hold them.
	return Jitter(p.wait)
}

// period is the time between polls when all is well.
func (p *Polls) period() time.Duration {
	if p.interval > 0 {
		return p.interval
	}
	return p.wait
}
