package agent

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
	"poolcert/store"
)

// An access list tells which visibilities a caller may use.
type access map[batch.Visibility]accessRule

type accessRule struct {
	users, groups []named
	uids          []uidRange
	cgroups       []string
	names         []string // of all, for people
}

// A named user or group.
type named struct {
	id   osuser.ID
	name string // with what it is, for people
}

// An accessList is the configured access, with the names looked up when they are
// needed. It is safe for concurrent use.
type accessList struct {
	config *Config

	mu      sync.Mutex
	current access
	missing bool      // some names were not found
	looked  time.Time // when
}

// lookAgain is how long a name that does not exist is not looked up again.
const lookAgain = time.Second

func (l *accessList) get() access {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil || l.missing && time.Since(l.looked) >= lookAgain {
		current, err := l.config.resolveAccess()
		l.current, l.missing, l.looked = current, err != nil, time.Now()
	}
	return l.current
}

// namesAccess tells whether the configuration names anyone; the defaults need not exist.
func (c *Config) namesAccess() bool {
	return slices.ContainsFunc(batch.Visibilities(), func(v batch.Visibility) bool {
		return len(c.Access.For(v).Users)+len(c.Access.For(v).Groups) > 0
	})
}

// AccessNames tells for people who may use keys through the socket. The error lists
// configured names that do not exist.
func (c *Config) AccessNames() (string, error) {
	resolved, err := c.resolveAccess()
	if err != nil && c.namesAccess() {
		return "", err
	}
	return resolved.String(), nil
}

// resolveAccess looks the configured names up. A name that does not exist allows
// nobody; the error lists those.
func (c *Config) resolveAccess() (access, error) {
	a := make(access)
	var errs []error
	for _, v := range batch.Visibilities() {
		var rule accessRule
		configured := c.Access.For(v)
		groups := configured.Groups
		implied := groups == nil
		if implied && c.Owners.For(v).Group != "" {
			groups = []string{c.Owners.For(v).Group}
		}
		add := func(ids *[]named, kind, name string, lookup func(string) (osuser.ID, error)) {
			id, err := lookup(name)
			if err != nil {
				errs = append(errs, fmt.Errorf("access.%s: %w", v, err))
				return
			}
			if implied && kind == "group" && id == (osuser.ID{}) {
				return // in a container, whoever has no group has this one
			}
			*ids = append(*ids, named{id, kind + " " + name})
			rule.names = append(rule.names, kind+" "+name)
		}
		for _, name := range configured.Users {
			add(&rule.users, "user", name, osuser.User)
		}
		for _, name := range groups {
			add(&rule.groups, "group", name, osuser.Group)
		}
		for _, text := range configured.UIDs {
			uids, _ := parseUIDs(text) // was checked
			rule.uids = append(rule.uids, uids)
			rule.names = append(rule.names, "uids "+text)
		}
		for _, pattern := range configured.Cgroups {
			rule.cgroups = append(rule.cgroups, pattern)
			rule.names = append(rule.names, "cgroup "+pattern)
		}
		a[v] = rule
	}
	return a, errors.Join(errs...)
}

// allows returns what of the rule the caller is, by what the kernel says of it.
// Root may use all.
func (r *accessRule) allows(c localsock.Caller) (by string, ok bool) {
	if c.IsRoot() {
		return superuser, true
	}
	for _, u := range r.users {
		if u.id == c.User() {
			return u.name, true
		}
	}
	for _, g := range r.groups {
		if c.InGroup(g.id) {
			return g.name, true
		}
	}
	for _, uids := range r.uids {
		if c.SID == "" && uids.first <= c.UID && c.UID <= uids.last {
			return fmt.Sprintf("uids %d-%d", uids.first, uids.last), true
		}
	}
	for _, pattern := range r.cgroups {
		if c.Process.InCgroup(pattern) {
			return "cgroup " + pattern, true
		}
	}
	return "", false
}

// visible returns the visibilities that the caller may use.
func (a access) visible(c localsock.Caller) []batch.Visibility {
	var visible []batch.Visibility
	for _, v := range batch.Visibilities() {
		rule := a[v]
		if _, ok := rule.allows(c); ok {
			visible = append(visible, v)
		}
	}
	return visible
}

// explain says for each visibility what allows the caller, or who would be allowed.
func (a access) explain(c localsock.Caller) []local.Access {
	var list []local.Access
	for _, v := range batch.Visibilities() {
		rule := a[v]
		by, ok := rule.allows(c)
		if !ok {
			by = "it is for " + strings.Join(append(slices.Clone(rule.names), superuser), ", ")
			if len(rule.cgroups) > 0 && c.ProcessErr != nil {
				by += "; the caller's cgroup is not known: " + c.ProcessErr.Error()
			}
		}
		list = append(list, local.Access{Visibility: v, Allowed: ok, Rule: by})
	}
	return list
}

// String says who may use anything.
func (a access) String() string {
	var names []string
	for _, v := range batch.Visibilities() {
		for _, name := range a[v].names {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return strings.Join(append(names, superuser), ", ")
}

// describeUser names a user for people.
func describeUser(id osuser.ID) string {
	if id.SID != "" {
		return "user " + string(id.SID)
	}
	return fmt.Sprintf("uid %d", id.Number)
}

// A gate grants local callers what they may use.
type gate struct {
	access *accessList
	store  store.Store
	record *record
}

var errNoSet = errors.New("the agent waits for its first set of certificates from the service")

func (g *gate) ready() error {
	if !g.record.hasSet() {
		return errNoSet
	}
	return nil
}

func (g *gate) authorize(ctx context.Context, caller localsock.Caller) (local.Grant, error) {
	access := g.access.get()
	visible := access.visible(caller)
	if len(visible) == 0 {
		return nil, &local.RefusedError{Reason: fmt.Sprintf("%s is none of those who may use certificates on this node (%s)", describeUser(caller.User()), access)}
	}
	if err := g.ready(); err != nil {
		return nil, fmt.Errorf("%w: %w", local.ErrNotReady, err)
	}
	installed, err := g.store.List(ctx)
	if err != nil {
		return nil, err
	}
	return &grant{g.store, visible, installed}, nil
}

// A grant is what one caller may use.
type grant struct {
	store     store.Store
	visible   []batch.Visibility
	installed []store.Installed
}

// PrivateKey implements [cms.KeySource].
func (g *grant) PrivateKey(ctx context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	cert, key, err := g.store.PrivateKey(ctx, g.visible, match)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, cms.ErrNoRecipient
	}
	return cert, key, err
}

// Certificates implements [local.Grant].
func (g *grant) Certificates() []local.Certificate {
	list := []local.Certificate{}
	for _, c := range g.installed {
		if !slices.ContainsFunc(c.Reference.Visibility, func(v batch.Visibility) bool { return slices.Contains(g.visible, v) }) {
			continue
		}
		list = append(list, local.Certificate{
			Thumbprint: c.Reference.Thumbprint,
			Subject:    c.Certificate.Subject.String(),
			NotAfter:   c.Certificate.NotAfter,
			Visibility: c.Reference.Visibility,
			HasKey:     c.HasKey,
		})
	}
	return list
}
