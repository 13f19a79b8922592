package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"poolcert/agent/keptsocket"
	"poolcert/agent/lastgood"
	"poolcert/agent/member"
	"poolcert/agent/offline"
	"poolcert/agent/pace"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/store"
)

const (
	fetchers       = member.Parallel // certificates fetched at the same time
	staleTime      = time.Second     // that a set may be behind what the service allows
	fetchTime      = time.Minute     // for all that is missing
	removalTime    = 5 * time.Second // that a removal waits for what is fetched with it
	supersededTime = time.Second     // that a fetch goes on when a newer set is known
)

// A reconciler brings the store to what the follower passes on, and keeps it so.
// One certificate that fails does not hold up the others; it is tried again
// until it works or is no longer wanted.
type reconciler struct {
	source source
	store  store.Store
	vault  *lastgood.Vault
	wants  *latest[want]
	record *record
	log    *slog.Logger
	checks chan chan<- checked // asks for a full check; may be nil
	pulse  *pulse              // may be nil

	socket *keptsocket.Socket // is mended with the store's files; may be nil
	old    *oldFolders        // are emptied; may be nil
	lost   signal             // the last-known-good set is to be saved again; may be nil

	local   bool             // the source is on this node: it is asked without contact, too
	offline *offline.Counter // may be nil

	held      map[batch.Thumbprint]*holding
	installed map[batch.Thumbprint]batch.CertificateReference
	named     map[string]batch.Thumbprint // what names stand for there
	saved     *lastgood.Set               // what the vault holds, nil if that is not known
	unsettled bool                        // the store may hold something else than installed
	kept      bool                        // files of an earlier agent are left as they were, since nothing else is known
	current   *want                       // nil before the first one
	again     error                       // why what was restored is to be tried again
	retry     pace.Retry
}

// restore installs the last-known-good set, before any contact with the source.
// It returns the revision of that set when it holds all of it.
//
// When there is none that opens, what an earlier agent installed stays as it is, if
// that was for the same membership; otherwise the store is emptied. When the source
// was out of reach for too long, and that takes the certificates away, so it does
// here.
func (r *reconciler) restore(ctx context.Context) (revision string) {
	set, err := r.vault.Load()
	if err != nil {
		r.log.Error("last-known-good set not used; waiting for the source", "err", err)
	}
	if set == nil {
		if r.vault.HasInstalled() || err != nil && !errors.Is(err, lastgood.ErrUnusable) {
			r.kept = true
			if err != nil {
				r.record.setProblem(fmt.Errorf("%w; installed files are left as they are until the source says what to install", err))
			}
			return ""
		}
		if _, err := r.store.Replace(ctx, nil); err != nil {
			err = errors.Join(err, r.store.Withdraw(ctx, nil))
			r.log.Error("certificates directory not emptied", "err", err)
		}
		return ""
	}
	r.saved = set
	r.current = &want{revision: set.Revision, references: set.References, revoked: set.Revoked, superseded: ctx}
	if r.offline.Outdated() {
		r.current = &want{outdated: true, superseded: ctx}
	}
	r.again = r.apply(ctx, r.current)
	if len(r.held) < len(merge(r.current.references)) {
		return ""
	}
	return r.current.revision
}

// run applies each want until ctx ends, beginning with what was restored.
func (r *reconciler) run(ctx context.Context) {
	var again <-chan time.Time
	tryAgain := func(err error) {
		if again = nil; err != nil {
			wait := r.retry.Next(err)
			again = time.After(wait)
			r.log.Debug("not everything is installed", "wait", wait)
		}
	}
	tryAgain(r.again)
	for {
		r.pulse.idle()
		select {
		case <-ctx.Done():
			return
		case answer := <-r.checks:
			r.pulse.within(fetchTime + stallTime)
			result := r.check(ctx)
			tryAgain(result.err)
			answer <- result
			continue
		case w := <-r.wants.c:
			r.current = &w
			r.retry.Reset()
		case <-r.record.online: // what could not be fetched can be now
			if again == nil {
				continue
			}
		case <-r.lost:
			if r.current == nil {
				continue
			}
		case <-again:
		}
		r.pulse.within(fetchTime + stallTime)
		tryAgain(r.apply(ctx, r.current))
	}
}

// checked is what a full check found.
type checked struct {
	repairs int   // what had drifted, and is mended
	err     error // why not all is installed
}

// check applies the newest want, with all that failed before, and looks at all
// that is installed.
func (r *reconciler) check(ctx context.Context) checked {
	select {
	case w := <-r.wants.c:
		r.current = &w
	default:
	}
	if r.current == nil {
		return checked{}
	}
	r.retry.Reset()
	err := r.apply(ctx, r.current)
	return checked{r.repair(ctx), err}
}

// apply fetches what is missing and installs the set. The error joins all that
// went wrong, which is logged already.
func (r *reconciler) apply(ctx context.Context, w *want) error {
	plan := NewPlan(w.references, func(t batch.Thumbprint) bool { return r.held[t] != nil }, r.installed)
	failed := make(map[batch.Thumbprint]error)
	// The new set replaces the old one in one step, also when one certificate takes
	// the place of another. But a removal does not wait long for the network.
	timeout := fetchTime
	if len(plan.Remove) > 0 {
		timeout = removalTime
	}
	fetching, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// Not at once: a pool that changes all the time must not starve its nodes.
	stop := context.AfterFunc(w.superseded, func() { time.AfterFunc(supersededTime, cancel) })
	defer stop()
	r.fetch(fetching, w, plan.Fetch, failed)
	if w.superseded.Err() != nil {
		return nil // the newer want is next
	}
	if err := r.waitsFor(failed); err != nil {
		return err
	}
	err := r.install(ctx, w, failed)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// waitsFor returns why what an earlier agent installed is not replaced yet: a
// certificate that is wanted, and perhaps there, could not be fetched for a cause
// that passes.
func (r *reconciler) waitsFor(failed map[batch.Thumbprint]error) error {
	if !r.kept {
		return nil
	}
	for _, err := range failed {
		var fetch *fetchError
		if errors.As(err, &fetch) && !fetch.isRefusal() {
			r.record.setProblem(fmt.Errorf("installed files are left as they are until all certificates are here: %w", err))
			return err
		}
	}
	return nil
}

// isStale tells a refusal by which the pool does not refer to a certificate any
// more: the newer set is on its way, and should take the place of the old one
// without a step in between.
func isStale(err error) bool { return nodeapi.Refused(err, nodeapi.CodeNotAllowed) }

// fetch adds to held what can be had, and to failed the others.
func (r *reconciler) fetch(ctx context.Context, w *want, missing []batch.CertificateReference, failed map[batch.Thumbprint]error) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(fetchers)
	for _, reference := range missing {
		thumbprint := reference.Thumbprint
		group.Go(func() error {
			h, err := r.fetchOne(ctx, w, thumbprint)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[thumbprint] = err
			} else {
				r.held[thumbprint] = h
			}
			return nil
		})
	}
	group.Wait()
}

// errNoContact says that nothing was fetched, since only the follower calls a
// service that does not answer.
var errNoContact = errors.New("no contact to the service")

// A fetchError is a failure of the source to hand out a certificate.
type fetchError struct{ err error }

func (e *fetchError) Error() string { return "fetch: " + e.err.Error() }
func (e *fetchError) Unwrap() error { return e.err }

// isRefusal tells whether the source answered, and will answer the same again.
func (e *fetchError) isRefusal() bool {
	return nodeapi.Refused(e.err, nodeapi.CodeNotAllowed) || nodeapi.Refused(e.err, nodeapi.CodeNotFound)
}

// fetchOne takes a certificate out of the last-known-good set, or asks the source.
func (r *reconciler) fetchOne(ctx context.Context, w *want, thumbprint batch.Thumbprint) (*holding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c := r.savedCertificate(thumbprint); c != nil {
		if h, err := newHolding(ctx, thumbprint, c); err == nil {
			return h, nil
		}
	}
	if !r.local && !r.record.hasContact() {
		return nil, &fetchError{errNoContact}
	}
	c, err := r.source.Certificate(ctx, thumbprint)
	if isStale(err) {
		pace.Sleep(w.superseded, staleTime)
	}
	if err != nil {
		return nil, &fetchError{err}
	}
	return newHolding(ctx, thumbprint, c)
}

// install makes the store, and the last-known-good set, hold what is wanted and
// held, and records the outcome. failed has the certificates that are not held.
//
// The last-known-good set is written first: after a crash in between, the next
// start installs the new set, and never again what was removed. When it cannot
// be written, say on a full disk, the node's tasks still get the new set, and the
// old one goes if it has more; nothing is reported as removed while a copy is left.
func (r *reconciler) install(ctx context.Context, w *want, failed map[batch.Thumbprint]error) error {
	saveErr := r.save(w)
	references := merge(w.references)
	var entries []store.Entry
	for _, reference := range references {
		if h := r.held[reference.Thumbprint]; h != nil {
			entries = append(entries, h.entry(reference))
		}
	}
	setErr, left := r.replace(ctx, entries, failed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	problem := errors.Join(saveErr, setErr)
	if saveErr != nil && r.vault.Keeps(references) {
		left = problem
	}
	if problem != nil {
		r.log.Error("the set of certificates is not complete", "err", problem)
	} else {
		r.forget(references)
	}
	for _, thumbprint := range slices.SortedFunc(maps.Keys(failed), compareThumbprints) {
		if err := failed[thumbprint]; r.record.isNews(thumbprint, err) {
			r.log.Warn("certificate not installed", "thumbprint", thumbprint, "err", err)
		}
	}
	r.record.update(w, outcome{references, r.held, r.installed, r.named, failed, problem, left})
	return errors.Join(append(slices.Collect(maps.Values(failed)), problem)...)
}

// save writes the last-known-good set if it changed, or was taken away.
func (r *reconciler) save(w *want) error {
	set := &lastgood.Set{Revision: w.revision, References: merge(w.references), Certificates: make(map[batch.Thumbprint]*nodeapi.Certificate), Revoked: w.revoked}
	for _, reference := range set.References {
		if h := r.held[reference.Thumbprint]; h != nil {
			set.Certificates[reference.Thumbprint] = h.certificate
		} else if c := r.savedCertificate(reference.Thumbprint); c != nil {
			set.Certificates[reference.Thumbprint] = c // that could not be opened is no reason to lose it
		}
	}
	if r.saved != nil && r.saved.Same(set) && !r.vault.IsMissing() {
		return nil
	}
	if err := r.vault.Save(set); err != nil {
		r.saved = nil
		return err
	}
	r.saved = set
	return nil
}

func (r *reconciler) savedCertificate(thumbprint batch.Thumbprint) *nodeapi.Certificate {
	if r.saved == nil {
		return nil
	}
	return r.saved.Certificates[thumbprint]
}
