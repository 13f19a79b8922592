package agent

import (
	"context"
	"time"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A source says what the node has to have, and hands it out: the account service
// ([member.Service]), or a folder ([directory.Source]). This is all that another one,
// such as a key vault, has to do. Implementations are safe for concurrent use,
// keep no goroutine, and do not retry: the follower does.
//
// What a source says is believed. So it says nothing, but fails, while it is in
// doubt: the node keeps what it has for as long as there is an error.
type source interface {
	// References returns the wanted set as soon as its revision is not the given
	// one, or nil after wait, or earlier. A source that cannot wait returns at
	// once; the follower polls it. A revision names a content: it is compared for
	// equality only, and never means another content later. At most
	// [nodeapi.MaxReferences].
	References(ctx context.Context, revision string, wait time.Duration) (*nodeapi.References, error)

	// Certificate returns one certificate of the set that References returned last.
	// It need not be checked. A *nodeapi.Error with CodeNotAllowed says that the set
	// has changed since.
	Certificate(ctx context.Context, thumbprint batch.Thumbprint) (*nodeapi.Certificate, error)
}

// A membership is what a source has beside when it knows its nodes.
type membership interface {
	// Report tells what the node has.
	Report(ctx context.Context, status *nodeapi.Status) error

	// Renew renews the node's membership; RenewAt says when that is due.
	Renew(ctx context.Context) error
	RenewAt() time.Time

	// Rejoin makes the node a member again, after the source has said that it does
	// not know it.
	Rejoin(ctx context.Context) error
}
