package account

import (
	"testing"
	"time"

	"poolcert/internal/nodeapi"
)

// A node that was away when a change came is no measure of the way to nodes.
func TestAwayNodesAreNotMeasured(t *testing.T) {
	begin := time.Now()
	at := func(after time.Duration) time.Time { return begin.Add(after) }
	doc := &ReferencesDoc{Tag: "two", changed: at(time.Hour)}
	status := &nodeapi.Status{Revision: "two"}
	for _, test := range []struct {
		name string
		seen time.Duration // the request before the one after the change
		want bool
	}{
		{"there", 59 * time.Minute, true},
		{"away", 20 * time.Minute, false},
	} {
		var r rollout
		r.here.Store(begin.UnixNano())
		r.came(at(test.seen).UnixNano(), at(61*time.Minute).UnixNano())
		after, ok := r.reached(doc, status, at(61*time.Minute))
		if ok != test.want || ok && after != time.Minute {
			t.Errorf("%s: got %v, %t", test.name, after, ok)
		}
	}
	var r rollout
	if after, ok := r.reached(doc, status, begin); !ok || after != 0 {
		t.Errorf("a clock behind that of the writer: got %v, %t; want 0", after, ok)
	}
}
