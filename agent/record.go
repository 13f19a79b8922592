package agent

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"poolcert/agent/homelink"
	"poolcert/agent/hook"
	"poolcert/agent/member"
	"poolcert/batch"
	"poolcert/internal/bootclock"
	"poolcert/internal/nodeapi"
)

const (
	removedShown = time.Hour // how long a removed certificate is still reported
	maxRemoved   = 100       // and how many
)

// A signal wakes one goroutine; several signals before it looks are one.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// A record is what the agent knows of its own condition. It is safe for
// concurrent use.
type record struct {
	changed signal       // something is to be reported
	online  signal       // contact is there again
	noted   func()       // called when the status is another one; may be nil
	ready   func()       // called when a set is installed; may be nil
	turns   *turns       // of the follower; may be nil
	hooks   *hook.Runner // may be nil
	memory  *MemoryStatus

	mu           sync.Mutex
	started      time.Time
	connected    time.Time // since; zero: no contact
	lastContact  time.Time
	contactError string
	revoked      bool
	applied      bool // a set was applied since the start
	revision     string
	problem      string
	refused      string // why a changed configuration is not in force
	failures     int    // polls without an answer, since the start
	repairs      RepairStatus
	links        []homelink.Status // of remote users
	certificates map[batch.Thumbprint]CertificateStatus
	lastUses     map[batch.Thumbprint]time.Time // since the start

	keyFiles func([]batch.Visibility) bool // tells whether keys are in files; may be nil
}

func newRecord() *record {
	return &record{
		changed: newSignal(), online: newSignal(), started: time.Now(),
		certificates: make(map[batch.Thumbprint]CertificateStatus),
	}
}

// attach gives the record what belongs to one life of the agent.
func (r *record) attach(turns *turns, hooks *hook.Runner, noted func(), keyFiles func([]batch.Visibility) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turns, r.hooks, r.noted, r.keyFiles = turns, hooks, noted, keyFiles
}

// setRefused says why a changed configuration is not in force; nil: it is.
func (r *record) setRefused(err error) {
	defer r.note()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused = ""; err != nil {
		r.refused = oneLine(err)
	}
}

// touch says that there is something to report.
func (r *record) touch() {
	r.changed.raise()
	r.note()
}

func (r *record) note() {
	if r.noted != nil {
		r.noted()
	}
}

// contact notes the result of a poll.
func (r *record) contact(err error) {
	defer r.note()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.connected, r.contactError = time.Time{}, oneLine(err)
		r.failures++
		return
	}
	r.lastContact, r.contactError, r.revoked = time.Now(), "", false
	if r.connected.IsZero() {
		r.connected = r.lastContact
		r.online.raise()
		r.changed.raise()
	}
}

// setProblem says why no set is applied yet.
func (r *record) setProblem(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problem = oneLine(err)
}

// setLinks notes the links of remote users.
func (r *record) setLinks(all []homelink.Status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links = all
}

// hasContact tells whether the last poll was answered.
func (r *record) hasContact() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.connected.IsZero()
}

// hasSet tells whether a set was applied: the node is as good as it can be.
func (r *record) hasSet() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.applied
}

// oneLine is the text of an error that may be joined of several.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// isNews tells whether err is not what the record says of a certificate already.
func (r *record) isNews(thumbprint batch.Thumbprint, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.certificates[thumbprint].Error != oneLine(err)
}

// An outcome is what came of bringing the node to a want.
type outcome struct {
	references []batch.CertificateReference // wanted, each certificate once
	held       map[batch.Thumbprint]*holding
	installed  map[batch.Thumbprint]batch.CertificateReference
	named      map[string]batch.Thumbprint // what names, by their keys, stand for
	failed     map[batch.Thumbprint]error
	problem    error // with the set as a whole
	left       error // why something that is not wanted may be left: it does not count as removed
}

// update notes the outcome of bringing the node to w.
func (r *record) update(w *want, o outcome) {
	if r.ready != nil {
		defer r.ready()
	}
	if r.hooks != nil {
		defer r.hooks.Set(o.hookSet(w.revision))
	}
	defer r.note()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	next := make(map[batch.Thumbprint]CertificateStatus, len(o.references))
	for _, reference := range o.references {
		c := CertificateStatus{
			Thumbprint: reference.Thumbprint, Time: now, Visibility: reference.Visibility,
			Name: reference.Name, Current: o.isCurrent(reference),
		}
		if h := o.held[reference.Thumbprint]; h != nil {
			leaf := h.bundle.Leaf
			c.Subject, c.Expires, c.HasKey = leaf.Subject.String(), &leaf.NotAfter, h.bundle.Key != nil
		}
		_, isInstalled := o.installed[reference.Thumbprint]
		err := o.failed[reference.Thumbprint]
		switch {
		case err != nil:
			c.State, c.Error = batch.NodeFailed, oneLine(err)
		case isInstalled:
			c.State = batch.NodeInstalled
		case o.problem != nil:
			c.State, c.Error = batch.NodeFailed, oneLine(o.problem)
		default:
			c.State = batch.NodeDelivering
		}
		next[c.Thumbprint] = c
	}
	for thumbprint, c := range r.certificates {
		if _, ok := next[thumbprint]; ok {
			continue
		}
		c.Current = false
		switch {
		case c.State == batch.NodeRemoved:
		case o.left != nil:
			c.Error = "remove: " + oneLine(o.left)
		default:
			c.State, c.Error, c.Time = batch.NodeRemoved, "", now
		}
		next[thumbprint] = c
	}
	for thumbprint, c := range next { // a state that lasts keeps its time
		if old, ok := r.certificates[thumbprint]; ok && old.State == c.State && old.Error == c.Error {
			c.Time = old.Time
			next[thumbprint] = c
		}
	}
	dropRemoved(next, now)

	same := r.applied && r.revision == w.revision && r.revoked == w.revoked && maps.EqualFunc(r.certificates, next, sameStatus)
	r.applied, r.revision, r.revoked, r.certificates, r.problem = true, w.revision, w.revoked, next, ""
	if o.problem != nil {
		r.problem = oneLine(o.problem)
	}
	if !same {
		r.changed.raise()
	}
}

func sameStatus(a, b CertificateStatus) bool {
	return a.State == b.State && a.Error == b.Error && slices.Equal(a.Visibility, b.Visibility)
}

// dropRemoved forgets removals that are old, or too many.
func dropRemoved(certificates map[batch.Thumbprint]CertificateStatus, now time.Time) {
	var removed []CertificateStatus
	for _, c := range certificates {
		if c.State == batch.NodeRemoved {
			removed = append(removed, c)
		}
	}
	slices.SortFunc(removed, func(a, b CertificateStatus) int { return b.Time.Compare(a.Time) })
	for i, c := range removed {
		if i >= maxRemoved || now.Sub(c.Time) > removedShown {
			delete(certificates, c.Thumbprint)
		}
	}
}

// list returns the certificates, sorted. The caller holds the lock.
func (r *record) list() []CertificateStatus {
	all := slices.AppendSeq([]CertificateStatus{}, maps.Values(r.certificates)) // an empty list in JSON, not null
	for i := range all {
		all[i].LastUsed = r.lastUse(all[i].Thumbprint)
	}
	slices.SortFunc(all, func(a, b CertificateStatus) int { return compareThumbprints(a.Thumbprint, b.Thumbprint) })
	return all
}

// report returns what the service is told, or nil before the first set.
func (r *record) report(version string) *nodeapi.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.applied {
		return nil
	}
	dropRemoved(r.certificates, time.Now())
	r.dropUses()
	s := &nodeapi.Status{Revision: r.revision, AgentVersion: version, BootTime: bootTime(), Certificates: []batch.NodeCertificate{}}
	for _, c := range r.list() {
		if c.State == batch.NodeDelivering {
			continue // the service knows, and waits for what becomes of it
		}
		told := batch.NodeCertificate{
			Thumbprint: c.Thumbprint, State: c.State, Time: batch.TimeOf(c.Time), Error: clip(c.Error),
			NoPrivateKey: c.State == batch.NodeInstalled && !c.HasKey,
			KeyInFiles:   c.State == batch.NodeInstalled && c.HasKey && r.keyFiles != nil && r.keyFiles(c.Visibility),
		}
		if at := r.lastUse(c.Thumbprint); at != nil {
			t := batch.TimeOf(*at)
			told.LastUsed = &t
		}
		s.Certificates = append(s.Certificates, told)
	}
	if r.hooks != nil {
		s.Hooks = hookReports(r.hooks.Results())
	}
	return s
}

// bootTime returns when the kernel started, or nil if it does not say.
func bootTime() *batch.Time {
	started := bootclock.Started()
	if started.IsZero() {
		return nil
	}
	t := batch.TimeOf(started)
	return &t
}

// maxReported is how much of an error the service is told, in bytes.
const maxReported = 500

func clip(s string) string {
	if len(s) <= maxReported {
		return s
	}
	return s[:maxReported] + "..."
}

// status returns what the agent tells of itself; id is nil without a membership.
func (r *record) status(id *member.Identity, version string) *Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &Status{
		Version: version, State: r.state(id),
		Started:      r.started,
		ContactError: r.contactError,
		Revision:     r.revision,
		Problem:      r.problem,
		Repairs:      r.repairs,
		Links:        r.links,
		ConfigError:  r.refused,
		Memory:       r.memory,
		Certificates: r.list(),
	}
	if id != nil {
		s.setIdentity(id)
	}
	if t := r.connected; !t.IsZero() {
		s.ConnectedSince = &t
	}
	if t := r.lastContact; !t.IsZero() {
		s.LastContact = &t
	}
	s.Failures = r.failures
	if r.turns != nil {
		if t := r.turns.nextTurn(); !t.IsZero() {
			s.NextContact = &t
		}
	}
	if r.hooks != nil {
		s.Hooks = r.hooks.Results()
	}
	return s
}

func (r *record) state(id *member.Identity) State {
	switch {
	case r.revoked:
		return StateRevoked
	case !r.connected.IsZero():
		return StateConnected
	case id != nil && time.Now().After(id.Certificate.NotAfter):
		return StateExpired
	case r.contactError == "":
		return StateStarting
	}
	return StateDisconnected
}
