package nodeserver

import "testing"

func TestGate(t *testing.T) {
	g := newGate(2)
	a, b := [32]byte{1}, [32]byte{2}
	first, ok1 := g.enter(a)
	second, ok2 := g.enter(a)
	if _, ok := g.enter(a); !ok1 || !ok2 || ok {
		t.Errorf("got %v, %v, %v, want two", ok1, ok2, ok)
	}
	if leave, ok := g.enter(b); !ok {
		t.Error("another key is kept out")
	} else {
		leave()
	}
	first()
	third, ok := g.enter(a)
	if !ok {
		t.Error("nobody may come after one has left")
	}
	second()
	third()
	if len(g.inside) != 0 {
		t.Errorf("%d keys are kept after all have left", len(g.inside))
	}
}
