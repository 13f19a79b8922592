package account

import "sync/atomic"

// Counters count since the service was made.
type Counters struct {
	Sealed   uint64 // fields that were encrypted for the database
	Unsealed uint64 // fields of the database that were opened
	Waiting  int64  // long polls that are held now
}

type counters struct {
	sealed, unsealed atomic.Uint64
	waiting          atomic.Int64
}

// Counters returns the counters as they are.
func (s *Service) Counters() Counters {
	return Counters{Sealed: s.counters.sealed.Load(), Unsealed: s.counters.unsealed.Load(), Waiting: s.counters.waiting.Load()}
}
