package store_test

import (
	"testing"

	"poolcert/batch"
	"poolcert/internal/wincrypt"
	"poolcert/internal/wincrypt/wincrypttest"
	"poolcert/store"
	"poolcert/store/storetest"
)

// openSystem opens the stores of c for owners who are this process's account.
func openSystem(t *testing.T, c wincrypt.Calls, change ...func(*store.SystemOptions)) *store.System {
	t.Helper()
	account, err := c.Account()
	if err != nil {
		t.Fatal(err)
	}
	opts := store.SystemOptions{Calls: c, Tag: t.Name(), Owners: make(map[batch.Visibility]store.Owner)}
	for _, v := range batch.Visibilities() {
		opts.Owners[v] = store.Owner{SIDs: store.NewSIDs(account)}
	}
	for _, f := range change {
		f(&opts)
	}
	s, err := store.OpenSystem(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSystem(t *testing.T) {
	for name, noCNG := range map[string]bool{"CNG": false, "CSP": true} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store {
				w := wincrypttest.New()
				w.NoCNG = noCNG
				s := openSystem(t, w)
				t.Cleanup(func() {
					if _, err := s.Replace(t.Context(), nil); err == nil {
						t.Error("a context that has ended is no matter")
					}
				})
				return s
			})
		})
	}
}
