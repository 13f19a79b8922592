package agent

import (
	"errors"
	"testing"
)

func TestLastGoodIsBoundToItsNode(t *testing.T) {
	r, _ := newTestReconciler(t, newFakeSource())
	if err := r.vault.save(&lastGood{Revision: "1"}); err != nil {
		t.Fatal(err)
	}
	if set, err := r.vault.load(); err != nil || set.Revision != "1" {
		t.Fatalf("load = %+v, %v", set, err)
	}
	for _, other := range []*Identity{
		{Account: "b", Pool: "p", Node: "n"}, {Account: "a", Pool: "q", Node: "n"},
		{Account: "a", Pool: "p", Node: "m"}, {Account: "ap", Node: "n"},
	} {
		if _, err := newVault(r.vault.state, other).load(); !errors.Is(err, errLastGood) {
			t.Errorf("node %+v: load = %v, want errLastGood", other, err)
		}
	}
}
