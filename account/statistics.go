package account

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

// Statistics tell of all accounts together.
type Statistics struct {
	Accounts, Pools int
	Certificates    map[batch.CertificateState]int
	Nodes           map[batch.NodeState]int

	Expired int                  // certificates that are active, and expired
	Expires map[string]time.Time // of each account: when the next one of its active certificates expires
}

// expiries remembers when certificates expire, since that takes to read them. A
// thumbprint never changes what it stands for.
type expiries struct {
	mu       sync.Mutex
	accounts map[int64]accountExpiries
}

type accountExpiries struct {
	rev    int64 // of the account, at which all of it was read
	expire map[batch.Thumbprint]time.Time
}

// readExpiry is how many certificates are read in one transaction.
const readExpiry = 500

// Statistics reads the statistics from the database. The first call reads each
// certificate, which takes some seconds for a hundred thousand; when ctx ends
// before, the next call goes on. Later ones count rows.
func (s *Service) Statistics(ctx context.Context) (*Statistics, error) {
	st := &Statistics{}
	var revisions []db.Revisions
	err := s.read(ctx, func(tx *db.Tx) (err error) {
		st.Certificates, st.Nodes = make(map[batch.CertificateState]int), make(map[batch.NodeState]int)
		if revisions, err = tx.Revisions(); err != nil {
			return err
		}
		if st.Pools, err = tx.CountPools(); err != nil {
			return err
		}
		counts, err := tx.CountCertificates()
		if err != nil {
			return err
		}
		for _, c := range counts {
			st.Certificates[batch.CertificateState(c.State)] = c.N
		}
		counts, err = tx.CountAllNodes(time.Now().Add(-unknownAfter))
		for _, c := range counts {
			st.Nodes[batch.NodeState(c.State)] = c.N
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read statistics: %w", err)
	}
	st.Accounts = len(revisions)
	if err := s.expiries.update(ctx, s, revisions); err != nil {
		return nil, fmt.Errorf("read when certificates expire: %w", err)
	}
	st.Expired, st.Expires = s.expiries.soonest(revisions, time.Now())
	return st, nil
}

// update reads what changed.
func (e *expiries) update(ctx context.Context, s *Service, revisions []db.Revisions) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.accounts == nil {
		e.accounts = make(map[int64]accountExpiries)
	}
	for _, r := range revisions {
		old, ok := e.accounts[r.Account]
		if ok && old.rev == r.Last {
			continue
		}
		if old.expire == nil {
			old.expire = make(map[batch.Thumbprint]time.Time)
			e.accounts[r.Account] = accountExpiries{rev: -1, expire: old.expire} // what is read stays, whatever comes
		}
		next, err := s.readExpiries(ctx, r, old.expire)
		if err != nil {
			return err
		}
		e.accounts[r.Account] = next
	}
	return nil
}

// readExpiries returns those of an account; known is what was read before, and gets
// what is read now.
func (s *Service) readExpiries(ctx context.Context, r db.Revisions, known map[batch.Thumbprint]time.Time) (accountExpiries, error) {
	var all []batch.Thumbprint
	if err := s.read(ctx, func(tx *db.Tx) (err error) { all, err = tx.ActiveThumbprints(r.Account); return err }); err != nil {
		return accountExpiries{}, err
	}
	next := accountExpiries{rev: r.Last, expire: make(map[batch.Thumbprint]time.Time, len(all))}
	var unread []batch.Thumbprint
	for _, tp := range all {
		if at, ok := known[tp]; ok {
			next.expire[tp] = at
		} else {
			unread = append(unread, tp)
		}
	}
	for len(unread) > 0 {
		part := unread[:min(readExpiry, len(unread))]
		unread = unread[len(part):]
		err := s.read(ctx, func(tx *db.Tx) error {
			for _, tp := range part {
				row, err := tx.Certificate(r.Account, tp)
				if err != nil {
					if orElse(err, nil) == nil { // deleted since
						continue
					}
					return err
				}
				if cert, err := x509.ParseCertificate(row.Public); err == nil {
					known[tp], next.expire[tp] = cert.NotAfter, cert.NotAfter
				}
			}
			return nil
		})
		if err != nil {
			return accountExpiries{}, err
		}
	}
	return next, nil
}

func (e *expiries) soonest(revisions []db.Revisions, now time.Time) (expired int, soonest map[string]time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	soonest = make(map[string]time.Time, len(revisions))
	for _, r := range revisions {
		for _, at := range e.accounts[r.Account].expire {
			switch old, ok := soonest[r.Name]; {
			case at.Before(now):
				expired++
			case !ok || at.Before(old):
				soonest[r.Name] = at
			}
		}
	}
	return expired, soonest
}
