package localsock

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// CheckCgroup refuses what is no pattern of control groups, and one that is for
// everybody. A pattern is a path from the root, in which "*", "?" and "[a-z]" stand
// for characters between two slashes. Users can make groups in those that they were
// given, so its first name must be plain.
func CheckCgroup(pattern string) error {
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

// InCgroup tells whether a control group of the process, or one above it, is of the
// pattern. See CheckCgroup.
func (p Process) InCgroup(pattern string) bool {
	return slices.ContainsFunc(p.Cgroups, func(cgroup string) bool {
		names := strings.Split(cgroup, "/")
		n := strings.Count(pattern, "/") + 1
		if len(names) < n || strings.Contains(cgroup, "/../") {
			return false
		}
		match, _ := path.Match(pattern, strings.Join(names[:n], "/"))
		return match
	})
}
