package lastgood

import (
	"errors"
	"testing"

	"poolcert/agent/member"
	"poolcert/agent/statedir/statedirtest"
	"poolcert/internal/dpapi/dpapitest"
)

// What DPAPI cannot do for the moment is not taken for another computer's key.
func TestDPAPIKeyPasses(t *testing.T) {
	state := statedirtest.New(t)
	m := dpapitest.New(t)
	v := newVault(state, nil, &dpapiKey{state, nil, m})
	if err := v.Save(&Set{Revision: "1"}); err != nil {
		t.Fatal(err)
	}
	passing := errors.New("the service does not run yet")
	m.Fail(passing)
	if _, err := v.Load(); !errors.Is(err, passing) || errors.Is(err, ErrUnusable) {
		t.Errorf("load: %v", err)
	}
	if err := v.trySave(&Set{Revision: "2"}); !errors.Is(err, passing) {
		t.Errorf("save: %v", err)
	}
	m.Fail(nil)
	if set, err := v.Load(); err != nil || set == nil || set.Revision != "1" {
		t.Errorf("load = %+v, %v", set, err)
	}
}

// The key is bound to the node, like the set.
func TestDPAPIKeyOfNode(t *testing.T) {
	state := statedirtest.New(t)
	m := dpapitest.New(t)
	one := &dpapiKey{state, &member.Identity{Account: "a", Pool: "p", Node: "one"}, m}
	if _, err := one.load(true); err != nil {
		t.Fatal(err)
	}
	same := &dpapiKey{state, &member.Identity{Account: "A", Pool: "P", Node: "one"}, m}
	if _, err := same.load(false); err != nil {
		t.Errorf("in other letters: %v", err)
	}
	two := &dpapiKey{state, &member.Identity{Account: "a", Pool: "p", Node: "two"}, m}
	if _, err := two.load(false); !errors.Is(err, ErrUnusable) {
		t.Error(err)
	}
}

func TestSetIsBoundToItsNode(t *testing.T) {
	state := statedirtest.New(t)
	v := New(state, &member.Identity{Account: "a", Pool: "p", Node: "n"}, Options{})
	if err := v.Save(&Set{Revision: "1"}); err != nil {
		t.Fatal(err)
	}
	if set, err := v.Load(); err != nil || set.Revision != "1" {
		t.Fatalf("load = %+v, %v", set, err)
	}
	// The account spells its own name and that of the pool, and may do so otherwise when it
	// was restored.
	if set, err := New(state, &member.Identity{Account: "A", Pool: "P", Node: "n"}, Options{}).Load(); err != nil || set.Revision != "1" {
		t.Errorf("in other letters: load = %+v, %v", set, err)
	}
	for _, other := range []*member.Identity{
		{Account: "b", Pool: "p", Node: "n"}, {Account: "a", Pool: "q", Node: "n"},
		{Account: "a", Pool: "p", Node: "m"}, {Account: "ap", Node: "n"},
	} {
		if _, err := New(state, other, Options{}).Load(); !errors.Is(err, ErrUnusable) {
			t.Errorf("node %+v: load = %v, want ErrUnusable", other, err)
		}
	}
}
