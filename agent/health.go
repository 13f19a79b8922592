package agent

import (
	"fmt"
	"time"

	"poolcert/agent/hook"
	"poolcert/batch"
)

// staleAfter is after how many intervals without an answer of the source a node
// counts as not ready. A service that is restarted is back sooner.
const staleAfter = 3

// A Problem is something that is wrong, and what a person can do about it.
type Problem struct {
	Problem string `json:"problem"`
	Do      string `json:"do"`
}

// readiness returns why the node is not ready, or nil: it has a set, and its
// source has answered of late. interval is how often that is to be.
func (r *record) readiness(interval time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.applied {
		return errNoSet
	}
	return r.stale(interval)
}

// stale returns why what the node has may be out of date. The caller holds the lock.
func (r *record) stale(interval time.Duration) error {
	last := r.lastContact
	if last.IsZero() {
		last = r.started
	}
	if since := time.Since(last); since > staleAfter*interval {
		return fmt.Errorf("the source has not answered for %v", since.Round(time.Second))
	}
	return nil
}

// summary is the condition in one line.
func (r *record) summary() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	contact := "connected"
	switch {
	case r.revoked:
		contact = "evicted"
	case r.connected.IsZero() && r.contactError == "":
		contact = "starting"
	case r.connected.IsZero():
		contact = "no contact"
	}
	if !r.applied {
		return contact + "; no set installed yet"
	}
	installed, failed := 0, 0
	for _, c := range r.certificates {
		switch c.State {
		case batch.NodeInstalled:
			installed++
		case batch.NodeFailed:
			failed++
		}
	}
	text := fmt.Sprintf("%s; certificates installed: %d", contact, installed)
	if failed > 0 {
		text += fmt.Sprintf(", failed: %d", failed)
	}
	return text
}

// shownProblems is how many failed certificates are told one by one.
const shownProblems = 20

// diagnose notes in s what is wrong. stale tells why what the node has may be out
// of date, or is nil.
func (s *Status) diagnose(stale error) {
	s.Problems = []Problem{}
	add := func(do, format string, args ...any) {
		s.Problems = append(s.Problems, Problem{fmt.Sprintf(format, args...), do})
	}
	const doctor = "'poolcert-agent doctor' looks for the cause; the agent goes on trying"
	why := ""
	if s.ContactError != "" {
		why = ": " + s.ContactError
	}
	switch {
	case s.State == StateRevoked:
		add("make a new token with 'poolcert pool token create POOL', stop the agent, run 'poolcert-agent join TOKEN', and start it", "this node was evicted, or its pool is gone")
	case s.State == StateExpired:
		add(doctor, "the node's own certificate ended at %s, and could not be renewed%s", s.NodeCertificateExpires.UTC().Format(time.RFC3339), why)
	case s.Source == SourceDirectory && s.ContactError != "":
		add("mend that; it is noticed by itself, and the node keeps what it has until then", "%s", s.ContactError)
	case s.Offline != "":
		add(doctor, "%s%s", s.Offline, why)
	case stale != nil:
		add(doctor, "%s%s", stale, why)
	case s.State == StateStarting:
		add("wait for the first contact, or run 'poolcert-agent refresh'", "the agent has just started and has no contact yet")
	}
	if late := s.renewAt.Add(s.NodeCertificateExpires.Sub(s.renewAt) / 2); s.State == StateConnected && !s.renewAt.IsZero() && time.Now().After(late) {
		add("the log says why; "+doctor, "the node's own certificate ends at %s, and should have been renewed at %s",
			s.NodeCertificateExpires.UTC().Format(time.RFC3339), s.renewAt.UTC().Format(time.RFC3339))
	}
	if s.Problem != "" {
		add("mend the cause; the agent tries again by itself, and at once with 'poolcert-agent refresh'", "the set of certificates is not complete: %s", s.Problem)
	}
	if s.ConfigError != "" {
		add("mend the file, see 'poolcert-agent check', and reload again", "the changed configuration is not in force: %s", s.ConfigError)
	}
	if s.Repairs.Error != "" {
		add("mend the cause; 'poolcert-agent refresh' checks again at once", "installed files are not checked, or not mended: %s", s.Repairs.Error)
	}
	for _, l := range s.Links {
		if l.Error != "" {
			add("mend the cause, or take the user out of remoteuser.users", "link of remote user %s: %s", l.User, l.Error)
		}
	}
	failed := 0
	for _, c := range s.Certificates {
		if c.State != batch.NodeFailed {
			continue
		}
		if failed++; failed <= shownProblems {
			add("mend the cause, here ('poolcert-agent check' names groups and users that are missing) or in the pool; the agent tries again by itself, and at once with 'poolcert-agent refresh'", "certificate %s failed: %s", c.Thumbprint, c.Error)
		}
	}
	if failed > shownProblems {
		add("see the list", "%d more certificates failed", failed-shownProblems)
	}
	for _, h := range s.Hooks {
		switch h.State {
		case hook.Retrying:
			add("mend the cause; it is tried again by itself, and at once with 'poolcert-agent refresh'", "hook %q failed: %s", h.Name, h.Error)
		case hook.GaveUp:
			add("mend the cause, then run 'poolcert-agent refresh'", "hook %q failed %d times, and is not tried again for this change: %s", h.Name, h.Attempts, h.Error)
		}
	}
	s.Healthy = len(s.Problems) == 0
}
