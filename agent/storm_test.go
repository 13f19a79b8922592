package agent

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// stormNodes and stormRatio are the promise: however a thousand nodes lose the
// service in one moment, in no second of their return does it get more than three
// times what it gets when all is well.
const (
	stormNodes = 1000
	stormRatio = 3.0
)

// A busyError asks to be left alone for a while.
type busyError time.Duration

func (e busyError) Error() string             { return "busy" }
func (e busyError) RetryAfter() time.Duration { return time.Duration(e) }

// TestNodesComeBackWithoutAStorm has the real follower and retry code of a thousand
// nodes poll one source.
func TestNodesComeBackWithoutAStorm(t *testing.T) {
	down := errors.New("down")
	busy := busyError(10 * time.Second)
	for name, test := range map[string]struct {
		interval time.Duration
		lose     func(*fakeSource)
		away     time.Duration
	}{
		"an outage of 30 minutes":  {lose: func(s *fakeSource) { s.err = down }, away: 30 * time.Minute},
		"an outage of a second":    {lose: func(s *fakeSource) { s.err = down }, away: time.Second},
		"an outage of a minute":    {lose: func(s *fakeSource) { s.err = down }, away: time.Minute},
		"busy for a minute":        {lose: func(s *fakeSource) { s.err = busy }, away: time.Minute},
		"a deploy that cuts polls": {lose: func(s *fakeSource) { s.cuts++; s.cutErr = down }},
		"a deploy that ends polls": {lose: func(s *fakeSource) { s.cuts++ }},
		"plain polls, 30 minutes":  {interval: 55 * time.Second, lose: func(s *fakeSource) { s.err = down }, away: 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newFakeSource()
				for range stormNodes {
					f := newTestFollower(s)
					f.interval, f.jitter = test.interval, f.wait // it began long ago
					follow(t, f)
				}
				time.Sleep(5 * time.Minute)
				start := time.Now()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				steady := float64(len(s.pollsSince(start))) / 600
				if steady < stormNodes/60 || steady > stormNodes/45 {
					t.Fatalf("%.1f polls a second when all is well", steady)
				}

				s.update(func() { test.lose(s) })
				time.Sleep(test.away)
				synctest.Wait()
				back := time.Now()
				s.update(func() { s.err = nil })
				time.Sleep(20 * time.Minute)
				synctest.Wait()
				bySecond := make(map[int]int)
				peak := 0
				for _, since := range s.pollsSince(back) {
					second := int(since / time.Second)
					bySecond[second]++
					peak = max(peak, bySecond[second])
				}
				ratio := float64(peak) / steady
				t.Logf("%.1f polls a second, at most %d in one second of the return: %.2f times", steady, peak, ratio)
				if ratio > stormRatio {
					t.Errorf("%.2f times the usual rate, want %v at most", ratio, stormRatio)
				}
				if n := len(bySecond); n < 600 {
					t.Errorf("polls in %d seconds of 1200: the nodes are not back", n)
				}
			})
		})
	}
}
