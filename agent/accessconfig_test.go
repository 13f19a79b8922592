//go:build unix

package agent

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/internal/localsock"
)

func TestAccessConfigRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`uids = ["20000-"]`:                "access.task.uids",
		`uids = ["29999-20000"]`:           "no range",
		`uids = ["-1"]`:                    "no range",
		`uids = ["alice"]`:                 "no range",
		`uids = ["0-4294967295"]`:          "no range",
		`cgroups = ["system.slice"]`:       "access.task.cgroups",
		`cgroups = ["/"]`:                  "without wildcards",
		`cgroups = ["/*"]`:                 "without wildcards",
		`cgroups = ["/*/job_1"]`:           "without wildcards",
		`cgroups = ["/system.slice/"]`:     "no path",
		`cgroups = ["/system.slice/../*"]`: "no path",
		`cgroups = ["/system.slice/[a"]`:   "a bracket is open",
		`cgroups = ["/system.slice/*"]`:    "",
		`uids = ["20000-29999", "7"]`:      "",
	} {
		_, err := ParseConfig("[access.task]\n" + text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

func TestInCgroup(t *testing.T) {
	const slurm = "/system.slice/slurmstepd.scope/*"
	for _, test := range []struct {
		pattern, cgroup string
		want            bool
	}{
		{slurm, "/system.slice/slurmstepd.scope/job_1", true},
		{slurm, "/system.slice/slurmstepd.scope/job_1/step_0/user/task_0", true},
		{slurm, "/system.slice/slurmstepd.scope", false},
		{slurm, "/system.slice/other.scope/job_1", false},
		{slurm, "/user.slice/user@7.service/system.slice/slurmstepd.scope/job_1", false},
		{slurm, "/system.slice/slurmstepd.scope/../../user.slice", false},
		{"/system.slice/batch.service", "/system.slice/batch.service", true},
		{"/system.slice/batch.service", "/system.slice/batch.service/a", true},
		{"/system.slice/batch.service", "/system.slice/batch.services", false},
		{"/system.slice/batch-?.service", "/system.slice/batch-7.service", true},
	} {
		p := localsock.Process{Cgroups: []string{"/", test.cgroup}}
		if got := p.InCgroup(test.pattern); got != test.want {
			t.Errorf("inCgroup(%q, %q) = %v", test.pattern, test.cgroup, got)
		}
	}
}

func TestAccessRulesSayWhy(t *testing.T) {
	c := DefaultConfig()
	for _, v := range batch.Visibilities() {
		c.Owners.For(v).Group = "100"
	}
	c.Access.Task = AccessConfig{Users: []string{"1000"}, UIDs: []string{"20000-29999"}, Cgroups: []string{"/system.slice/slurmstepd.scope/*"}}
	a, err := c.resolveAccess()
	if err != nil {
		t.Fatal(err)
	}
	inJob := localsock.Process{Cgroups: []string{"/user.slice", "/system.slice/slurmstepd.scope/job_1/step_0"}}
	for _, test := range []struct {
		caller  localsock.Caller
		allowed bool
		rule    string
	}{
		{localsock.Caller{}, true, "root"},
		{localsock.Caller{UID: 1000}, true, "user 1000"},
		{localsock.Caller{UID: 1, GID: 100}, true, "group 100"},
		{localsock.Caller{UID: 20_000}, true, "uids 20000-29999"},
		{localsock.Caller{UID: 29_999}, true, "uids 20000-29999"},
		{localsock.Caller{UID: 19_999}, false, "it is for user 1000, group 100, uids 20000-29999, cgroup /system.slice/slurmstepd.scope/*, root"},
		{localsock.Caller{UID: 30_000}, false, "it is for"},
		{localsock.Caller{UID: 1, Process: inJob}, true, "cgroup /system.slice/slurmstepd.scope/*"},
		{localsock.Caller{UID: 1, ProcessErr: errors.New("it has ended")}, false, "not known: it has ended"},
	} {
		for _, got := range a.explain(test.caller) {
			if got.Visibility == batch.Task && (got.Allowed != test.allowed || !strings.Contains(got.Rule, test.rule)) {
				t.Errorf("%+v: got %+v, want %v, %q", test.caller, got, test.allowed, test.rule)
			}
			if visible := slices.Contains(a.visible(test.caller), got.Visibility); visible != got.Allowed {
				t.Errorf("%+v: %s is said to be %v, and is %v", test.caller, got.Visibility, got.Allowed, visible)
			}
		}
	}
}
