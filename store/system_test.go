package store_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
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
	t.Cleanup(func() { s.Close() })
	return s
}

func tagged(tag string) func(*store.SystemOptions) {
	return func(o *store.SystemOptions) { o.Tag = tag }
}

// A computer is one whose stores a test may change.
type computer struct {
	name string
	open func(t *testing.T) wincrypt.Calls
}

// removeStore takes a store away that a test has made on this computer.
var removeStore = func(name string) {}

// onComputers runs a test on computers in memory, and on this one if it has Windows, in
// a store of the test. All that it leaves with a tag of its name goes.
func onComputers(t *testing.T, test func(t *testing.T, c wincrypt.Calls, name string)) {
	inMemory := func(noCNG bool) func(*testing.T) wincrypt.Calls {
		return func(t *testing.T) wincrypt.Calls {
			w := wincrypttest.New()
			w.NoCNG = noCNG
			t.Cleanup(func() {
				if n := w.OpenHandles(); n != 0 && !t.Failed() {
					t.Errorf("%d handles are open", n)
				}
			})
			return w
		}
	}
	computers := []computer{{"CNG", inMemory(false)}, {"CSP", inMemory(true)}}
	if c, err := wincrypt.System(); err == nil {
		computers = append(computers, computer{"this", func(*testing.T) wincrypt.Calls { return c }})
	}
	for _, one := range computers {
		t.Run(one.name, func(t *testing.T) {
			c, name := one.open(t), "poolcert-test-"+strings.ToLower(rand.Text())
			t.Cleanup(func() { removeStore(name) })
			t.Cleanup(func() { // after those of the test
				if failed, err := openSystem(t, c).Replace(context.Background(), nil); err != nil || len(failed) > 0 {
					t.Errorf("clean the stores: %v, %v", failed, err)
				}
			})
			test(t, c, name)
		})
	}
}

// in puts an entry into a store of this computer.
func in(name string, e store.Entry) store.Entry {
	e.Reference.StoreLocation, e.Reference.StoreName = batch.LocalMachine, name
	return e
}

func mustReplace(t *testing.T, s store.Store, entries ...store.Entry) {
	t.Helper()
	if failed, err := s.Replace(t.Context(), entries); err != nil || len(failed) > 0 {
		t.Fatalf("Replace: %v, %v", failed, err)
	}
}

func withStore(t *testing.T, c wincrypt.Calls, name string, f func(wincrypt.Store)) {
	t.Helper()
	s, err := c.OpenStore(wincrypt.LocalMachine, name, wincrypt.ToMake)
	if err != nil {
		t.Fatal(err)
	}
	f(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// find returns the certificate of an entry in a store, and whether it is there.
func find(t *testing.T, c wincrypt.Calls, name string, e store.Entry) (cert wincrypt.Certificate, ok bool) {
	t.Helper()
	withStore(t, c, name, func(s wincrypt.Store) {
		var err error
		cert, err = s.Find(e.Reference.Thumbprint)
		if ok = err == nil; err != nil && !errors.Is(err, wincrypt.ErrNotFound) {
			t.Fatal(err)
		}
	})
	return cert, ok
}

func hasKey(t *testing.T, c wincrypt.Calls, at wincrypt.Container) bool {
	t.Helper()
	key, err := c.OpenKey(at)
	if errors.Is(err, wincrypt.ErrNotFound) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Close(); err != nil {
		t.Fatal(err)
	}
	return true
}

// opens tells whether the store's key of an entry opens what is sealed to it.
func opens(t *testing.T, s store.Store, e store.Entry) error {
	t.Helper()
	_, private, err := s.PrivateKey(t.Context(), batch.Visibilities(), e.Bundle.Leaf.Equal)
	if err != nil {
		return err
	}
	return use(t, private, e)
}

func use(t *testing.T, private crypto.PrivateKey, e store.Entry) error {
	t.Helper()
	for _, hash := range []crypto.Hash{0, crypto.SHA1, crypto.SHA256} {
		public := e.Bundle.Leaf.PublicKey.(*rsa.PublicKey)
		//lint:ignore SA1019 people have it
		sealed, err := rsa.EncryptPKCS1v15(rand.Reader, public, []byte("secret"))
		var opts crypto.DecrypterOpts
		if hash != 0 {
			sealed, err = rsa.EncryptOAEP(hash.New(), rand.Reader, public, []byte("secret"), nil)
			opts = &rsa.OAEPOptions{Hash: hash}
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := private.(crypto.Decrypter).Decrypt(rand.Reader, sealed, opts)
		if err != nil {
			return err
		}
		if string(got) != "secret" {
			t.Errorf("with %v: %q", hash, got)
		}
	}
	return nil
}

func TestSystem(t *testing.T) {
	for name, noCNG := range map[string]bool{"CNG": false, "CSP": true} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) store.Store {
				w := wincrypttest.New()
				w.NoCNG = noCNG
				s := openSystem(t, w)
				t.Cleanup(func() {
					if failed, err := s.Replace(context.Background(), nil); err != nil || len(failed) > 0 {
						t.Error(failed, err)
					}
					if w.String() != "" || len(w.Keys()) > 0 || w.OpenHandles() > 0 {
						t.Errorf("left: %s%d keys, %d handles", w, len(w.Keys()), w.OpenHandles())
					}
				})
				return s
			})
		})
	}
}

func TestSystemInstallsAndRemoves(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		s := openSystem(t, c)
		one, two, public := in(name, storetest.PFX(t, "one")), in(strings.ToUpper(name), storetest.PFX(t, "two")), in(name, storetest.CER(t, "public"))
		one.Reference.Name = "web"
		mustReplace(t, s, one, two, public)
		for _, e := range []store.Entry{one, two} {
			cert, ok := find(t, c, name, e)
			if !ok || !hasKey(t, c, cert.Key) || !cert.Key.Machine || cert.Name != string(e.Reference.Name) {
				t.Errorf("found %v with key %+v, name %q", ok, cert.Key, cert.Name)
			}
			if err := opens(t, s, e); err != nil {
				t.Error(err)
			}
		}
		if cert, ok := find(t, c, name, public); !ok || cert.Key != (wincrypt.Container{}) {
			t.Errorf("without a key: found %v, key %+v", ok, cert.Key)
		}
		before, _ := find(t, c, name, one)
		_, key, err := s.PrivateKey(t.Context(), batch.Visibilities(), one.Bundle.Leaf.Equal)
		if err != nil {
			t.Fatal(err)
		}
		mustReplace(t, s, two)
		if _, ok := find(t, c, name, one); ok || hasKey(t, c, before.Key) {
			t.Error("a removed certificate, or its key, is left")
		}
		if err := use(t, key, one); !errors.Is(err, wincrypt.ErrClosed) {
			t.Errorf("the key of a removed certificate: %v", err)
		}
		if err := opens(t, s, two); err != nil {
			t.Errorf("the key of what stayed: %v", err)
		}
	})
}

// PFXs of old and of new programs come out the same.
func TestSystemTakesAnyPFX(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		pair := testcert.RSA(t, testcert.Name("any PFX"))
		legacy, err := pfx.EncodeLegacy(&pfx.Bundle{Leaf: pair.Cert, Key: pair.Key}, "name", "password")
		if err != nil {
			t.Fatal(err)
		}
		for what, data := range map[string][]byte{"3DES and SHA-1": legacy, "AES-256 and SHA-256": pair.PFX("password")} {
			bundle, err := pfx.Decode(t.Context(), data, "password", pfx.Options{})
			if err != nil {
				t.Fatal(err)
			}
			e := in(name, storetest.PFX(t, "any PFX"))
			e.Data, e.Password, e.Bundle = data, "password", bundle
			s := openSystem(t, c)
			mustReplace(t, s, e)
			if err := opens(t, s, e); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			mustReplace(t, s)
		}
	})
}

// After a restart, what is wanted stays as it is and the rest goes; before, nothing is
// known. What another agent has put there is none of ours.
func TestSystemAfterRestart(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		stays, goes, others := in(name, storetest.PFX(t, "stays")), in(name, storetest.PFX(t, "goes")), in(name, storetest.PFX(t, "others"))
		other := openSystem(t, c, tagged("another agent"))
		t.Cleanup(func() {
			if _, err := other.Replace(context.Background(), nil); err != nil {
				t.Error(err)
			}
		})
		mustReplace(t, other, others)
		first := openSystem(t, c)
		mustReplace(t, first, stays, goes)
		before, _ := find(t, c, name, stays)
		gone, _ := find(t, c, name, goes)

		s := openSystem(t, c)
		if list, err := s.List(t.Context()); err != nil || len(list) > 0 {
			t.Errorf("List before Replace: %v, %v", list, err)
		}
		if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("Repair before Replace: %v, %v", found, err)
		}
		if _, ok := find(t, c, name, goes); !ok {
			t.Error("a certificate went before Replace")
		}
		mustReplace(t, s, stays)
		if after, ok := find(t, c, name, stays); !ok || after.Key != before.Key {
			t.Errorf("what stays was %+v and is %+v", before.Key, after.Key)
		}
		if _, ok := find(t, c, name, goes); ok || hasKey(t, c, gone.Key) {
			t.Error("what an earlier process left is there still")
		}
		if _, ok := find(t, c, name, others); !ok {
			t.Error("the certificate of another agent is gone")
		}
		if err := opens(t, s, stays); err != nil {
			t.Error(err)
		}
	})
}

// Withdraw works before the first Replace, by what is in the stores.
func TestSystemWithdrawAfterRestart(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		one, two, three := in(name, storetest.PFX(t, "one", batch.Task)), in(name, storetest.PFX(t, "two")), in(name, storetest.CER(t, "three"))
		mustReplace(t, openSystem(t, c), one, two, three)
		s := openSystem(t, c)
		narrow := two.Reference
		narrow.Visibility = []batch.Visibility{batch.Task}
		if err := s.Withdraw(t.Context(), []batch.CertificateReference{one.Reference, narrow}); err != nil {
			t.Fatal(err)
		}
		for e, want := range map[*store.Entry]bool{&one: true, &two: false, &three: false} {
			if _, ok := find(t, c, name, *e); ok != want {
				t.Errorf("%s is there: %v, want %v", e.Bundle.Leaf.Subject, ok, want)
			}
		}
	})
}

// An administrator's certificate stays as it is.
func TestSystemLeavesOthersAlone(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		e := in(name, storetest.PFX(t, "others"))
		add := func(key wincrypt.Container) {
			withStore(t, c, name, func(s wincrypt.Store) {
				if err := s.Add(wincrypt.Certificate{DER: e.Bundle.Leaf.Raw, Name: "mine", Key: key}, true); err != nil {
					t.Fatal(err)
				}
			})
		}
		stays := func(when string, key wincrypt.Container) {
			t.Helper()
			if cert, ok := find(t, c, name, e); !ok || cert.Name != "mine" || cert.Mark != nil || cert.Key != key {
				t.Errorf("%s: found %v, %+v", when, ok, cert.Key)
			}
		}
		none := wincrypt.Container{}
		add(none)
		s := openSystem(t, c)
		failed, err := s.Replace(t.Context(), []store.Entry{e})
		if err != nil || !errors.Is(failed[e.Reference.Thumbprint], store.ErrForeign) {
			t.Errorf("without its key: %v, %v", failed, err)
		}
		stays("without its key", none)
		public := e
		public.Format, public.Bundle = batch.FormatCER, &pfx.Bundle{Leaf: e.Bundle.Leaf}
		mustReplace(t, s, public)
		stays("when no key is wanted", none)
		mustReplace(t, s)
		stays("when it is not wanted any more", none)

		key, err := wincrypt.Import(t.Context(), c, wincrypt.ImportRequest{Bundle: e.Bundle, At: wincrypt.LocalMachine, Name: name, Access: wincrypt.Access{}.SDDL()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			withStore(t, c, name, func(s wincrypt.Store) { s.Delete(e.Reference.Thumbprint) })
			if err := c.DeleteKey(key); err != nil {
				t.Error(err)
			}
		})
		add(key)
		mustReplace(t, s, e)
		stays("with its key", key)
		if err := opens(t, s, e); err != nil {
			t.Error(err)
		}
		if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("Repair: %v, %v", found, err)
		}
		mustReplace(t, s)
		stays("when it is not wanted any more", key)
		if !hasKey(t, c, key) {
			t.Error("its key is gone")
		}
	})
}
