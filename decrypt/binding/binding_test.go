package binding_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"poolcert/decrypt/binding"
	"poolcert/internal/localsock"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"pool=render":                           "pool=render",
		"job=12*":                               "job=12*",
		"not-after=2026-12-31":                  "not-after=2026-12-31T23:59:59Z",
		"not-after=2026-12-31T18:00:00+02:00":   "not-after=2026-12-31T16:00:00Z",
		"not-after=2026-12-31,job=/a.slice/*":   "job=/a.slice/*,not-after=2026-12-31T23:59:59Z",
		"pool=R_1-x,job=7,not-after=2026-12-31": "pool=R_1-x,job=7,not-after=2026-12-31T23:59:59Z",
		"":                                      "",
		"pool":                                  "",
		"pool=":                                 "",
		"pool=a,pool=b":                         "",
		"pool=a,":                               "",
		"pool=a b":                              "",
		"node=a":                                "",
		"job=[":                                 "",
		"job=/*":                                "",
		"job=1 2":                               "",
		"not-after=tomorrow":                    "",
		"not-after=2026-12-31T18:00:00":         "",
		"not-after=2026-12-31T18:00:00.5Z":      "",
		"not-after=0001-01-01T00:00:00Z":        "",
		"pool=" + strings.Repeat("a", 65):       "",
		"job=" + strings.Repeat("1", 1000):      "",
	} {
		b, err := binding.Parse(text)
		if want == "" {
			if err == nil {
				t.Errorf("%q: got %v, want an error", text, b)
			}
			continue
		}
		if err != nil || b.String() != want {
			t.Errorf("%q: got %v, error %v, want %s", text, b, err, want)
			continue
		}
		again, err := binding.FromLabel(b.Label())
		if err != nil || *again != *b {
			t.Errorf("%q: from its label: %v, error %v", text, again, err)
		}
	}
}

func TestFromLabel(t *testing.T) {
	for _, label := range []string{"", "x", "TCPA"} {
		if b, err := binding.FromLabel([]byte(label)); b != nil || err != nil {
			t.Errorf("%q: got %v, error %v; it is no binding", label, b, err)
		}
	}
	for _, label := range []string{"poolcert binding 1: ", "poolcert binding 1: rack=7", "poolcert binding 2: pool=a", "poolcert", "poolcert binding 1: pool=a\x00"} {
		if b, err := binding.FromLabel([]byte(label)); !errors.Is(err, binding.ErrBound) {
			t.Errorf("%q: got %v, error %v, want ErrBound", label, b, err)
		}
	}
}

func TestCheck(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	job := localsock.Process{Cgroups: []string{"/system.slice/slurmstepd.scope/job_1234/step_0"}}
	here := binding.Place{Pool: "Render", Process: job, Time: now}
	for _, test := range []struct {
		binding string
		place   binding.Place
		want    string
	}{
		{"pool=render", here, ""},
		{"pool=other", here, "this node is in pool Render"},
		{"pool=render", binding.Place{Time: now}, "this node is in none"},
		{"job=1234", here, ""},
		{"job=12??", here, ""},
		{"job=123", here, "the caller is of job 1234"},
		{"job=*", here, ""},
		{"job=*", binding.Place{Pool: "render", Time: now}, "of no Slurm job"},
		{"job=/system.slice/slurmstepd.scope/job_12*", here, ""},
		{"job=/system.slice/batch.service", here, "to control group /system.slice/batch.service"},
		{"not-after=2026-11-23T12:00:00Z", here, ""},
		{"not-after=2026-11-23T11:59:59Z", here, "until 2026-11-23T11:59:59Z"},
		{"pool=render,job=1234,not-after=2026-11-23", here, ""},
		{"pool=render,job=1234,not-after=2026-11-22", here, "it is later now"},
		{"pool=render,job=1,not-after=2026-11-23", here, "to job 1"},
	} {
		b, err := binding.Parse(test.binding)
		if err != nil {
			t.Fatal(err)
		}
		err = b.Check(test.place)
		if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, binding.ErrBound) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v, want %q", test.binding, err, test.want)
		}
	}
}
