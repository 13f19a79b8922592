package agent

import (
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"poolcert/batch"
)

// An AccessConfig says who may use a visibility's keys. A caller whom one of the
// lists has may; root always may.
type AccessConfig struct {
	// Users and Groups go by name, or by number as text.
	Users  []string `toml:"users"`
	Groups []string `toml:"groups"` // default: the group of the visibility's owner

	// UIDs are numbers of users, such as "20000-29999".
	UIDs []string `toml:"uids"`

	// Cgroups are control groups, such as "/system.slice/slurmstepd.scope/*": "*",
	// "?" and "[a-z]" stand for characters between two slashes, and all groups below
	// are meant, too. Users can make groups in those that they were given, so the
	// first name must stand without "*".
	Cgroups []string `toml:"cgroups"`
}

// checkAccess refuses what cannot be, and names its key.
func (c *Config) checkAccess() error {
	for _, v := range batch.Visibilities() {
		a := c.Access.For(v)
		for _, text := range a.UIDs {
			if _, err := parseUIDs(text); err != nil {
				return fmt.Errorf("access.%s.uids: %w", v, err)
			}
		}
		for _, text := range a.Cgroups {
			if err := checkCgroup(text); err != nil {
				return fmt.Errorf("access.%s.cgroups: %w", v, err)
			}
		}
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

// checkCgroup refuses a pattern that is none, and one that is for everybody.
func checkCgroup(pattern string) error {
	_, err := path.Match(pattern, "")
	switch {
	case err != nil:
		return fmt.Errorf("%q is no pattern: a bracket is open", pattern)
	case !strings.HasPrefix(pattern, "/") || pattern != path.Clean(pattern):
		return fmt.Errorf(`%q is no path of a control group, such as "/system.slice/slurmstepd.scope/*"`, pattern)
	}
	first, _, _ := strings.Cut(pattern[1:], "/")
	if first == "" || strings.ContainsAny(first, "*?[") {
		return fmt.Errorf("%q would let in groups that users make: write its first name without wildcards", pattern)
	}
	return nil
}

// inCgroup tells whether a control group, or one above it, is of the pattern.
func inCgroup(pattern, cgroup string) bool {
	names := strings.Split(cgroup, "/")
	n := strings.Count(pattern, "/") + 1
	if len(names) < n || strings.Contains(cgroup, "/../") {
		return false
	}
	match, _ := path.Match(pattern, strings.Join(names[:n], "/"))
	return match
}
