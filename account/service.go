package account

import (
	"context"
	"log/slog"
	"time"

	"poolcert/account/db"
)

// DefaultDeleteWindow is how long a deletion waits for the holders of a
// certificate to let go (the real service was seen to take 60 s).
const DefaultDeleteWindow = 60 * time.Second

// Config is what a [Service] works with. DB, Keys, CA and NodeURL are needed.
type Config struct {
	DB   *db.DB
	Keys *Keyring
	CA   *CA

	// DeleteWindow is the time from a delete to deletefailed while something
	// still holds the certificate. Default: [DefaultDeleteWindow].
	DeleteWindow time.Duration

	// NodeURL is the https URL of the node API, without a path, as nodes reach
	// it. It goes into join tokens.
	NodeURL string

	// Log may be nil.
	Log *slog.Logger
}

// A Service answers for all accounts of one database.
type Service struct {
	cfg Config
}

// New returns a service, after it has made sure that the master keys open what
// the database holds: [ErrMasterKey] otherwise. It starts nothing.
func New(ctx context.Context, cfg Config) (*Service, error) { panic("unfinished") }

// Run does the work that no request does: it ends deletions and records when
// nodes were seen. It blocks until ctx ends, then lets the waits of
// [Service.WaitReferences] end and returns nil. Call it once.
func (s *Service) Run(ctx context.Context) error { panic("unfinished") }

// Ready returns nil when the database answers.
func (s *Service) Ready(ctx context.Context) error { panic("unfinished") }
