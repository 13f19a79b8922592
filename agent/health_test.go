package agent

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/agent/hook"
	"poolcert/batch"
)

// A node is ready when it has a set, and for as long as its source answers at
// least once in three intervals.
func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		const interval = time.Minute
		expect := func(what string, ready bool) {
			t.Helper()
			if err := r.readiness(interval); (err == nil) != ready {
				t.Errorf("%s: %v", what, err)
			}
		}
		r.contact(nil)
		expect("before the first set", false)
		r.update(&want{}, outcome{})
		expect("with a set", true)
		r.contact(errors.New("down"))
		time.Sleep(staleAfter * interval)
		expect("after three intervals without an answer", true)
		time.Sleep(time.Second)
		expect("and a second", false)
		r.contact(nil)
		expect("after an answer", true)

		// A node that starts with the last-known-good set has that time, too.
		r = newRecord()
		r.update(&want{}, outcome{})
		expect("restored", true)
		time.Sleep(staleAfter*interval + time.Second)
		expect("restored, and no contact", false)
	})
}

func TestDiagnose(t *testing.T) {
	in := func(hours time.Duration) time.Time { return time.Now().Add(hours * time.Hour) }
	for name, test := range map[string]struct {
		change func(*Status)
		stale  error
		want   string // empty: healthy
	}{
		"healthy":        {func(s *Status) {}, nil, ""},
		"a moment away":  {func(s *Status) { s.State, s.ContactError = StateDisconnected, "refused" }, nil, ""},
		"away":           {func(s *Status) { s.State, s.ContactError = StateDisconnected, "refused" }, errors.New("not for 5m"), "not for 5m: refused"},
		"away for long":  {func(s *Status) { s.Offline = "longer than max_offline" }, errors.New("x"), "longer than max_offline"},
		"starting":       {func(s *Status) { s.State = StateStarting }, nil, "just started"},
		"evicted":        {func(s *Status) { s.State = StateRevoked }, errors.New("x"), "evicted"},
		"expired":        {func(s *Status) { s.State, s.ContactError = StateExpired, "refused" }, nil, "could not be renewed: refused"},
		"renewal due":    {func(s *Status) { s.renewAt, s.NodeCertificateExpires = in(-5), in(7) }, nil, ""},
		"renewal late":   {func(s *Status) { s.renewAt, s.NodeCertificateExpires = in(-7), in(5) }, nil, "should have been renewed at"},
		"set":            {func(s *Status) { s.Problem = "disk full" }, nil, "not complete: disk full"},
		"configuration":  {func(s *Status) { s.ConfigError = "line 5" }, nil, "not in force: line 5"},
		"repairs":        {func(s *Status) { s.Repairs.Error = "no rights" }, nil, "no rights"},
		"certificate":    {func(s *Status) { s.Certificates[0].State, s.Certificates[0].Error = batch.NodeFailed, "no group" }, nil, "failed: no group"},
		"hook":           {func(s *Status) { s.Hooks = []hook.Result{{Name: "h", State: hook.Retrying, Error: "exit 1"}} }, nil, `hook "h" failed: exit 1`},
		"hook gave up":   {func(s *Status) { s.Hooks = []hook.Result{{Name: "h", State: hook.GaveUp, Attempts: 5}} }, nil, `hook "h" failed 5 times`},
		"hook runs":      {func(s *Status) { s.Hooks = []hook.Result{{Name: "h", State: hook.Running}} }, nil, ""},
		"hook went well": {func(s *Status) { s.Hooks = []hook.Result{{Name: "h", State: hook.OK}} }, nil, ""},
	} {
		s := &Status{State: StateConnected, Certificates: []CertificateStatus{{State: batch.NodeInstalled}}}
		test.change(s)
		s.diagnose(test.stale)
		switch {
		case test.want == "" && (!s.Healthy || len(s.Problems) > 0):
			t.Errorf("%s: %+v", name, s.Problems)
		case test.want != "" && (s.Healthy || len(s.Problems) != 1 || !strings.Contains(s.Problems[0].Problem, test.want) || s.Problems[0].Do == ""):
			t.Errorf("%s: got %+v, want %q", name, s.Problems, test.want)
		}
	}
}
