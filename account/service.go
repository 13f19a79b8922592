package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"poolcert/account/db"
	"poolcert/internal/nodeapi"
)

// DefaultDeleteWindow is how long a deletion waits for the holders of a
// certificate to let go (the real service was seen to take 60 s).
const DefaultDeleteWindow = 60 * time.Second

// Config is what a [Service] works with. DB, Keys and CA are needed.
type Config struct {
	DB   *db.DB
	Keys *Keyring
	CA   *CA

	// DeleteWindow is the time from a delete to deletefailed while something
	// still holds the certificate. Default: [DefaultDeleteWindow].
	DeleteWindow time.Duration

	// NodeTTL takes nodes out of their pools that were not seen for that long, while
	// a service was there to see them. 0: never; else at least [MinNodeTTL].
	NodeTTL time.Duration

	// Overlap is how long nodes keep a certificate after another has become current
	// under its name. Default: [DefaultOverlap]; negative: not at all.
	Overlap time.Duration

	// NodeURL is the https URL of the node API, without a path, as nodes reach
	// it. It goes into join tokens; while it is empty none can be made.
	NodeURL string

	// Events are for metrics and for the audit log.
	Events Events

	// Log may be nil.
	Log *slog.Logger
}

// A Service answers for all accounts of one database.
type Service struct {
	db      *db.DB
	ca      *CA
	sealer  *sealer
	window  time.Duration
	overlap time.Duration // not positive: none
	nodeTTL time.Duration
	nodeURL string
	events  Events
	log     *slog.Logger

	counters *counters
	expiries expiries

	known          map[int64]db.Revisions // what the caches know of, by account
	followInterval time.Duration

	accounts cache[string, Account] // with their open keys, by name
	nodes    nodeCache
	hub      hub
	decoding chan struct{} // bounds how many files are decoded at a time
	released chan struct{} // tells Run that a certificate may be free to go
	stopping chan struct{} // closed when Run ends
}

// New returns a service, after it has made sure that the master keys open what
// the database holds: [ErrMasterKey] otherwise. It starts nothing.
func New(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.DB == nil || cfg.Keys == nil || cfg.CA == nil {
		return nil, errors.New("account service: the database, the master keys and the CA are needed")
	}
	if cfg.NodeURL != "" {
		if _, err := nodeapi.ParseToken(nodeapi.NewToken(cfg.NodeURL, cfg.CA.cert).Encode()); err != nil {
			return nil, fmt.Errorf("account service: the node URL %q: %w", cfg.NodeURL, err)
		}
	}
	if cfg.NodeTTL != 0 && cfg.NodeTTL < MinNodeTTL {
		return nil, fmt.Errorf("account service: the node TTL %v is less than %v", cfg.NodeTTL, MinNodeTTL)
	}
	if cfg.DeleteWindow <= 0 {
		cfg.DeleteWindow = DefaultDeleteWindow
	}
	if cfg.Overlap == 0 {
		cfg.Overlap = DefaultOverlap
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	counters := new(counters)
	sealer, err := openSealer(ctx, cfg.DB, cfg.Keys, counters)
	if err != nil {
		return nil, fmt.Errorf("account service: %w", err)
	}
	known, err := knownRevisions(ctx, cfg.DB)
	if err != nil {
		return nil, fmt.Errorf("account service: %w", err)
	}
	return &Service{
		db:             cfg.DB,
		known:          known,
		ca:             cfg.CA,
		sealer:         sealer,
		window:         cfg.DeleteWindow,
		overlap:        cfg.Overlap,
		nodeTTL:        cfg.NodeTTL,
		nodeURL:        cfg.NodeURL,
		events:         cfg.Events,
		log:            cfg.Log,
		counters:       counters,
		followInterval: followInterval,
		decoding:       make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		released:       make(chan struct{}, 1),
		stopping:       make(chan struct{}),
	}, nil
}

// seenInterval is how late the database is about when a node was seen.
const seenInterval = 5 * time.Minute

// Run does the work that no request does. It ends deletions: a certificate is
// gone as soon as no pool refers to it and no node holds it, and its deletion has
// failed when that is not so at the end of the window. It ends the overlaps of
// certificates with names when their time is over. It records when nodes were
// seen, and takes out those that were not. It follows what other processes on the same database change. It blocks until ctx ends, then lets the waits of [Service.WaitReferences]
// end and returns nil. Call it once.
func (s *Service) Run(ctx context.Context) error {
	endings := time.NewTimer(0)
	defer endings.Stop()
	seen := time.NewTimer(seenInterval)
	defer seen.Stop()
	var following sync.WaitGroup
	following.Go(func() { s.follow(ctx) })
	defer following.Wait()
	for {
		select {
		case <-ctx.Done():
			close(s.stopping)
			s.recordSeen(context.WithoutCancel(ctx))
			return nil
		case <-s.released:
			endings.Reset(s.endAll(ctx))
		case <-endings.C:
			endings.Reset(s.endAll(ctx))
		case <-seen.C:
			wait := seenInterval
			if s.recordSeen(ctx) {
				wait = s.takeOutAbsent(ctx)
			}
			seen.Reset(wait)
		}
	}
}

// endAll ends overlaps, and then deletions, which may have waited for the former. It
// returns when to look again.
func (s *Service) endAll(ctx context.Context) time.Duration {
	return min(s.endOverlaps(ctx), s.endDeletions(ctx))
}

// release tells Run that a certificate may be free to go, or an overlap has begun.
func (s *Service) release() {
	select {
	case s.released <- struct{}{}:
	default: // Run has it to hear already
	}
}

// write runs fn in a transaction with the account's lock and next revision.
func (s *Service) write(ctx context.Context, a *Account, fn func(tx *db.Tx, rev int64) error) error {
	return apiError(s.db.Update(ctx, func(tx *db.Tx) error {
		rev, err := tx.NextRevision(a.ID)
		if err != nil {
			return orElse(err, ErrNoAccount)
		}
		return fn(tx, rev)
	}))
}

func (s *Service) read(ctx context.Context, fn func(*db.Tx) error) error {
	return apiError(s.db.View(ctx, fn))
}

// Ready returns nil when the database answers.
func (s *Service) Ready(ctx context.Context) error {
	return s.db.View(ctx, func(tx *db.Tx) error { _, err := tx.DataKeys(); return err })
}
