package agent

import "time"

// holdError is how much sooner than asked the end of a whole poll may seem: clocks
// differ. It is small, since polls that end together are to part.
const holdError = 50 * time.Millisecond

// A pace says how long the source may hold the next poll, and how long to pause
// before it.
type pace struct {
	wait     time.Duration // of a long poll
	interval time.Duration // of plain polls; 0: long polls

	hold     time.Duration // for the next poll; 0 asks whether the source is there
	contact  bool          // the last poll was answered
	failures retry
}

// probe has the next poll answered at once. Somebody on this node asked for it: when it
// fails, that is no loss of the source that all nodes meet in one moment.
func (p *pace) probe() { p.hold, p.contact = 0, false }

// refused is for a source that will not say anything else soon.
func (p *pace) refused() time.Duration {
	p.hold, p.contact = 0, false
	return p.failures.slow()
}

// failed is for a poll that was not answered. A source that was there until now
// has lost its other nodes in the same moment. Each comes back with two polls, one
// that asks whether it is there and one that is held, so they come over twice the
// time of a poll: at their usual rate.
func (p *pace) failed(err error) time.Duration {
	if p.contact {
		p.failures.begin(2 * p.period())
	}
	p.hold, p.contact = 0, false
	return p.failures.next(err)
}

// answered is for a poll that the source answered after it held it for so long.
func (p *pace) answered(changed bool, held time.Duration) time.Duration {
	asked, lost := p.hold, p.failures.window > 0
	p.failures.reset()
	p.contact = true
	if p.interval > 0 {
		return p.interval - jitter(p.interval/10)
	}
	p.hold = p.wait
	switch {
	case changed:
		return changePause
	case asked == 0 && lost:
		return jitter(p.wait / 10) // else the two polls of a return come in one moment
	case held >= asked.Truncate(time.Second)-holdError:
		return 0
	}
	// A service that stops ends all polls; one that is loaded does not hold them.
	return jitter(p.wait)
}

// period is the time between polls when all is well.
func (p *pace) period() time.Duration {
	if p.interval > 0 {
		return p.interval
	}
	return p.wait
}
