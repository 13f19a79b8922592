package agent

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/agent/statedir/statedirtest"
	"poolcert/batch"
)

// stuck makes each write of the last-known-good set fail, and no removal.
func stuck(t *testing.T, state *statedir.Dir) (heal func()) {
	t.Helper()
	key := state.File(statedir.LastGoodKeyFile)
	if err := errors.Join(os.Remove(key), os.Mkdir(key, 0o700)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(key); err != nil {
			t.Fatal(err)
		}
	}
}

func isStored(state *statedir.Dir) bool {
	_, err := os.Stat(state.File(statedir.LastGoodFile))
	return err == nil
}

// What was taken from a node must not come back with a reboot, even if the new
// set could not be written.
func TestLastGoodGoesWithWhatIsTakenAway(t *testing.T) {
	s := newFakeSource()
	one, two := s.add(t, "one"), s.add(t, "two")
	narrow := refTo(two.Thumbprint, batch.Task)
	for name, test := range map[string]struct {
		next []batch.CertificateReference
		goes bool
	}{
		"removed":             {[]batch.CertificateReference{two}, true},
		"for fewer":           {[]batch.CertificateReference{one, narrow}, true},
		"exchanged":           {[]batch.CertificateReference{one, refTo(batch.Thumbprint{7})}, true},
		"all removed":         {nil, true},
		"added":               {[]batch.CertificateReference{one, two, refTo(batch.Thumbprint{7})}, false},
		"another order, same": {[]batch.CertificateReference{two, one}, false},
	} {
		t.Run(name, func(t *testing.T) {
			state := statedirtest.New(t)
			r, _ := newTestReconcilerIn(t, s, state)
			if err := r.apply(t.Context(), wantOf(t.Context(), "1", one, two)); err != nil {
				t.Fatal(err)
			}
			heal := stuck(t, state)
			for range 2 {
				if err := r.apply(t.Context(), wantOf(t.Context(), "2", test.next...)); err == nil {
					t.Error("apply: no error")
				}
				if got := !isStored(state); got != test.goes {
					t.Errorf("the old set is gone: %v, want %v", got, test.goes)
				}
			}
			for thumbprint, state := range r.record.states() {
				wanted := slices.ContainsFunc(test.next, func(c batch.CertificateReference) bool { return c.Thumbprint == thumbprint })
				if !wanted && state != batch.NodeRemoved {
					t.Errorf("%s is %s though no copy is left", thumbprint, state)
				}
			}
			if problem := r.record.status(&member.Identity{Certificate: &x509.Certificate{}}, "").Problem; !strings.Contains(problem, "save last-known-good set: ") {
				t.Errorf("problem %q does not tell of the set", problem)
			}
			heal()
			r.apply(t.Context(), wantOf(t.Context(), "2", test.next...))
			if set, err := r.vault.Load(); err != nil || set == nil || set.Revision != "2" {
				t.Errorf("healed: last-known-good set %+v, %v", set, err)
			}
		})
	}
}

// A set that could not be read may hold anything.
func TestUnreadLastGoodGoes(t *testing.T) {
	s := newFakeSource()
	one := s.add(t, "one")
	state := statedirtest.New(t)
	before, _ := newTestReconcilerIn(t, s, state)
	if err := before.apply(t.Context(), wantOf(t.Context(), "1", one)); err != nil {
		t.Fatal(err)
	}
	r, _ := newTestReconciler(t, s)
	r.vault = before.vault
	stuck(t, state)
	r.restore(t.Context())
	if err := r.apply(t.Context(), wantOf(t.Context(), "2", one)); err == nil {
		t.Error("apply: no error")
	}
	if isStored(state) {
		t.Error("the set that could not be read is still there")
	}
}

func TestJoinedErrorsAreOneLine(t *testing.T) {
	s := newFakeSource()
	r, b := newTestReconciler(t, s)
	b.err = errors.New("disk full")
	r.vault = testVault(statedir.At(filepath.Join(t.TempDir(), "none")))
	if err := r.apply(t.Context(), wantOf(t.Context(), "1", s.add(t, "one"))); err == nil {
		t.Error("apply: no error")
	}
	status := r.record.status(&member.Identity{Certificate: &x509.Certificate{}}, "")
	for _, text := range []string{status.Problem, status.Certificates[0].Error} {
		if strings.Contains(text, "\n") || !strings.Contains(text, "; install: disk full") {
			t.Errorf("got %q", text)
		}
	}
}
