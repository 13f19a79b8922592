package binding_test

import (
	"testing"

	"poolcert/decrypt/binding"
)

// Whatever a label is, it is no binding, or is refused, or is the binding that its
// own label says.
func FuzzFromLabel(f *testing.F) {
	for _, text := range []string{"pool=render", "job=12*,not-after=2026-12-31T00:00:00Z", "job=/system.slice/*", "pool=", "rack=7"} {
		f.Add([]byte("poolcert binding 1: " + text))
	}
	f.Add([]byte("another label"))
	f.Fuzz(func(t *testing.T, label []byte) {
		b, err := binding.FromLabel(label)
		if err != nil || b == nil {
			if b != nil {
				t.Errorf("%q: a binding with error %v", label, err)
			}
			return
		}
		_ = b.Check(binding.Place{})
		again, err := binding.FromLabel(b.Label())
		if err != nil || *again != *b {
			t.Errorf("%q: got %+v, and again %+v, error %v", label, b, again, err)
		}
	})
}
