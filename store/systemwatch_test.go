package store_test

import (
	"testing"

	"poolcert/internal/wincrypt"

	"poolcert/store/storetest"
)

// A change is told, and a look that finds nothing is none: else each look would cause the
// next one. The other stores, which are looked at once, have nothing of ours.
func TestSystemWatch(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		s := openSystem(t, c)
		e := in(name, storetest.PFX(t, "watched"))
		told := func(do func()) bool {
			t.Helper()
			changed := make(chan struct{}, 1)
			end, err := s.Watch(changed)
			if err != nil {
				t.Fatal(err)
			}
			do()
			end()
			return len(changed) > 0
		}
		repair := func() {
			if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("Repair: %v, %v", found, err)
			}
		}
		if !told(func() { mustReplace(t, s, e) }) {
			t.Error("a certificate came, and nobody was told")
		}
		if told(repair) {
			t.Error("a look counts as a change")
		}
		after := openSystem(t, c)
		if told(func() { mustReplace(t, after, e) }) {
			t.Error("to take over what is right counts as a change")
		}
		if !told(func() { mustReplace(t, after) }) {
			t.Error("a certificate went, and nobody was told")
		}
	})
}
