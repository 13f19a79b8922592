package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"poolcert/batch"
)

func TestLastUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeSource()
		one, two := s.add(t, "one"), s.add(t, "two")
		r, _ := newTestReconciler(t, s)
		if err := r.apply(t.Context(), wantOf(t.Context(), "1", one, two)); err != nil {
			t.Fatal(err)
		}
		isNews := func() bool {
			select {
			case <-r.record.changed:
				return true
			default:
				return false
			}
		}
		lastUsed := func(tp batch.Thumbprint) *batch.Time {
			for _, c := range r.record.report("v").Certificates {
				if c.Thumbprint == tp {
					return c.LastUsed
				}
			}
			return nil
		}
		isNews()
		for _, test := range []struct {
			after time.Duration
			news  bool
		}{
			{time.Second, true}, {time.Second, false}, {10 * time.Minute, false}, {59 * time.Minute, false}, {61 * time.Minute, true},
		} {
			time.Sleep(test.after)
			now := time.Now()
			r.record.used(one.Thumbprint, now)
			if got := isNews(); got != test.news {
				t.Errorf("a use %v after the one before: news %v, want %v", test.after, got, test.news)
			}
			if got := lastUsed(one.Thumbprint); got == nil || !got.Equal(now.Truncate(time.Minute)) {
				t.Errorf("last use %v, want %v", got, now.Truncate(time.Minute))
			}
		}
		before := *lastUsed(one.Thumbprint)
		r.record.used(one.Thumbprint, time.Now().Add(-time.Hour)) // a clock that was set back
		if got := lastUsed(one.Thumbprint); got == nil || *got != before {
			t.Errorf("last use %v, want %v", got, before)
		}
		if got := lastUsed(two.Thumbprint); got != nil {
			t.Errorf("one that was not used: %v", got)
		}

		// What is not reported any more is forgotten.
		if err := r.apply(t.Context(), wantOf(t.Context(), "2", two)); err != nil {
			t.Fatal(err)
		}
		if lastUsed(one.Thumbprint) == nil {
			t.Error("the use is forgotten before the removal")
		}
		time.Sleep(2 * removedShown)
		r.record.report("v")
		if n := len(r.record.lastUses); n > 0 {
			t.Errorf("%d uses are remembered", n)
		}
	})
}

func TestKeyInFiles(t *testing.T) {
	task, both := []batch.Visibility{batch.Task}, []batch.Visibility{batch.Task, batch.RemoteUser}
	for _, test := range []struct {
		config  string
		visible []batch.Visibility
		want    bool
	}{
		{"", task, true},
		{`expose = "decrypt-only"`, task, false},
		{"expose = \"decrypt-only\"\n[owners.remoteuser]\nexpose = \"files\"", task, false},
		{"expose = \"decrypt-only\"\n[owners.remoteuser]\nexpose = \"files\"", both, true},
		{`formats = ["cer", "pem"]`, task, false},
		{`formats = ["cer", "key"]`, task, true},
	} {
		c, err := ParseConfig("install = [\"directory\"]\n" + test.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.keyInFiles(test.visible); got != test.want {
			t.Errorf("%s, %v: got %v", test.config, test.visible, got)
		}
	}
}
