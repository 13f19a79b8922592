package watch

import (
	"time"

	"golang.org/x/time/rate"
)

// Looks at the certificate stores: so many at once, then one in so long. Windows changes
// what is there, too, and a look that were to change something would cause the next one.
// What is mended takes two: that is a change.
const (
	storeBurst = 20
	storeRest  = 15 * time.Second
)

// A Stores tells of changes in the certificate stores of Windows: see [store.System.Watch].
type Stores func(changed chan<- struct{}) (end func(), err error)

// A stores is a watch of them; without begin, there is nothing to watch.
type stores struct {
	begin   Stores
	changed chan struct{}
	end     func() // nil: it has not begun
	looks   *rate.Limiter

	reserved *rate.Reservation // of a look to come; nil: none
}

func newStores(begin Stores) stores {
	return stores{begin: begin, changed: make(chan struct{}, 1), looks: rate.NewLimiter(rate.Every(storeRest), storeBurst)}
}

// follow has the next change told. What was told before is forgotten.
func (s *stores) follow() (err error) {
	if s.begin == nil {
		return nil
	}
	s.close()
	if s.reserved != nil { // there was another reason for a look before
		s.reserved.Cancel()
		s.reserved = nil
	}
	select {
	case <-s.changed:
	default:
	}
	s.end, err = s.begin(s.changed)
	return err
}

// reserve returns how long the look at a change has to wait.
func (s *stores) reserve() time.Duration {
	look := s.looks.Reserve()
	later := look.Delay()
	if later > 0 {
		s.reserved = look
	}
	return later
}

func (s *stores) close() {
	if s.end != nil {
		s.end()
		s.end = nil
	}
}
