package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"

	"poolcert/batch"
	"poolcert/store"
)

// An ownedStore looks the owners up for each install, so that a group which is
// made later is found, and one that no certificate needs is not missed.
type ownedStore struct {
	*store.Dir
	config *Config
}

// Replace implements [store.Store].
func (s *ownedStore) Replace(ctx context.Context, entries []store.Entry) (map[batch.Thumbprint]error, error) {
	owners, unknown := s.config.resolveOwners()
	s.SetOwners(owners)
	failed, err := s.Dir.Replace(ctx, entries)
	for thumbprint, err := range failed {
		if errors.Is(err, store.ErrNoOwner) && unknown != nil {
			failed[thumbprint] = errors.Join(err, unknown)
		}
	}
	return failed, err
}

// resolveOwners looks the configured names up. A visibility whose user or group
// does not exist is left out, with an error that says so: only certificates with
// that visibility fail then.
func (c *Config) resolveOwners() (map[batch.Visibility]store.Owner, error) {
	owners := make(map[batch.Visibility]store.Owner)
	var errs []error
	for _, v := range batch.Visibilities() {
		o := c.Owners.For(v)
		owner := store.Owner{UID: os.Geteuid(), GID: os.Getegid()}
		var userErr, groupErr error
		if o.User != "" {
			owner.UID, userErr = lookupUser(o.User)
		}
		if o.Group != "" {
			owner.GID, groupErr = lookupGroup(o.Group)
		}
		if err := errors.Join(userErr, groupErr); err != nil {
			errs = append(errs, fmt.Errorf("owners.%s: %w", v, err))
			continue
		}
		owners[v] = owner
	}
	return owners, errors.Join(errs...)
}

func lookupUser(name string) (int, error) {
	if id, ok := number(name); ok {
		return id, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(u.Uid)
}

func lookupGroup(name string) (int, error) {
	if id, ok := number(name); ok {
		return id, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

func number(text string) (int, bool) {
	id, err := strconv.ParseUint(text, 10, 31)
	return int(id), err == nil
}
