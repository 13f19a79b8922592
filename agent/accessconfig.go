package agent

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"poolcert/agent/homelink"
	"poolcert/batch"
	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
)

// An AccessConfig says who may use a visibility's keys. A caller whom one of the
// lists has may; root always may.
type AccessConfig struct {
	// Users and Groups go by name, or by number as text; on Windows by name, such as
	// 'DOMAIN\name' or 'NT SERVICE\name', or by SID.
	Users  []string `toml:"users"`
	Groups []string `toml:"groups"` // default: the group of the visibility's owner, unless that is root

	// UIDs are numbers of users, such as "20000-29999". Not for Windows.
	UIDs []string `toml:"uids"`

	// Cgroups are control groups, such as "/system.slice/slurmstepd.scope/*": "*",
	// "?" and "[a-z]" stand for characters between two slashes, and all groups below
	// are meant, too. Users can make groups in those that they were given, so the
	// first name must stand without "*". Not for Windows.
	Cgroups []string `toml:"cgroups"`
}

// checkAccess refuses what cannot be, and names its key.
func (c *Config) checkAccess() error {
	for _, v := range batch.Visibilities() {
		a := c.Access.For(v)
		if err := a.checkSystem(hasUnixRights); err != nil {
			return fmt.Errorf("access.%s.%w", v, err)
		}
		for _, name := range a.Users {
			if err := osuser.CheckName(name); err != nil {
				return fmt.Errorf("access.%s.users: %w", v, err)
			}
		}
		for _, name := range a.Groups {
			if err := osuser.CheckName(name); err != nil {
				return fmt.Errorf("access.%s.groups: %w", v, err)
			}
		}
		for _, text := range a.UIDs {
			if _, err := parseUIDs(text); err != nil {
				return fmt.Errorf("access.%s.uids: %w", v, err)
			}
		}
		for _, text := range a.Cgroups {
			if err := localsock.CheckCgroup(text); err != nil {
				return fmt.Errorf("access.%s.cgroups: %w", v, err)
			}
		}
	}
	return nil
}

// checkSystem refuses what the system does not have.
func (a *AccessConfig) checkSystem(unix bool) error {
	switch {
	case unix:
		return nil
	case len(a.UIDs) > 0:
		return errors.New("uids: Windows has no numbers of users: name users and groups")
	case len(a.Cgroups) > 0:
		return errors.New("cgroups: Windows has no control groups: name users and groups")
	}
	return nil
}

// A uidRange has its ends.
type uidRange struct{ first, last uint32 }

// parseUIDs reads "20000-29999" or "20000".
func parseUIDs(text string) (r uidRange, err error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	low, err := strconv.ParseUint(strings.TrimSpace(first), 10, 32)
	high, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 32)
	if err != nil || err2 != nil || low > high || high == math.MaxUint32 {
		return r, fmt.Errorf(`%q is no range such as "20000-29999"`, text)
	}
	return uidRange{uint32(low), uint32(high)}, nil
}

// A RemoteUserConfig is the table [remoteuser].
type RemoteUserConfig struct {
	// Users get a link certs in their home, as Batch has it, to the files of the
	// visibility remoteuser. Whether they may read these, their groups decide. On Linux
	// only.
	Users []string `toml:"users"`
}

func (c *RemoteUserConfig) check() error {
	if len(c.Users) > 0 && !homelink.Supported {
		return errors.New("remoteuser.users: links in homes work on Linux only: leave it out, and tell the users the folder current/remoteuser of certificates_dir")
	}
	for i, name := range c.Users {
		err := osuser.CheckName(name)
		switch {
		case name == "" || osuser.IsID(name):
			return fmt.Errorf("remoteuser.users: %q is not the name of a user", name)
		case err != nil:
			return fmt.Errorf("remoteuser.users: %w", err)
		case slices.Contains(c.Users[:i], name):
			return fmt.Errorf("remoteuser.users: %s is there twice", name)
		}
	}
	return nil
}
