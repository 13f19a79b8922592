package store_test

import (
	"errors"
	"strings"
	"testing"

	"poolcert/batch"
	"poolcert/internal/sddl"
	"poolcert/internal/wincrypt"
	"poolcert/store"
	"poolcert/store/storetest"
)

func TestSystemRepairs(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		s := openSystem(t, c)
		e, public := in(name, storetest.PFX(t, "drift")), in(name, storetest.CER(t, "public"))
		e.Reference.Name = "web"
		mustReplace(t, s, e, public)
		change := func(what func(*wincrypt.Certificate)) func() {
			return func() {
				cert, _ := find(t, c, name, e)
				what(&cert)
				withStore(t, c, name, func(s wincrypt.Store) {
					if err := s.Add(cert, true); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
		access := func(text string) func() {
			return func() {
				cert, _ := find(t, c, name, e)
				if !cert.Key.IsCSP() {
					if err := wincrypt.SetAccess(c, cert.Key, text); err != nil {
						t.Fatal(err)
					}
					return
				}
				// Wine changes the access of a key once, if that.
				again := wincrypt.ImportRequest{Bundle: e.Bundle, At: wincrypt.LocalMachine, Name: cert.Key.Name[:strings.LastIndexByte(cert.Key.Name, '-')], Access: text}
				if at, err := wincrypt.Import(t.Context(), c, again); err != nil || at != cert.Key {
					t.Fatal(at, err)
				}
			}
		}
		remove := func(e store.Entry) func() {
			return func() {
				withStore(t, c, name, func(s wincrypt.Store) {
					if err := s.Delete(e.Reference.Thumbprint); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
		for _, test := range []struct {
			cause string
			spoil func()
		}{
			{"missing", remove(e)},
			{"missing", remove(public)},
			{"private key missing", func() {
				cert, _ := find(t, c, name, e)
				if err := c.DeleteKey(cert.Key); err != nil {
					t.Fatal(err)
				}
			}},
			{"property changed: private key", change(func(c *wincrypt.Certificate) { c.Key.Name = "another" })},
			{"property changed: private key", change(func(c *wincrypt.Certificate) { c.Key = wincrypt.Container{} })},
			{"property changed: friendly name", change(func(c *wincrypt.Certificate) { c.Name = "another" })},
			{"property changed: renewal", change(func(c *wincrypt.Certificate) { c.Renewal = make([]byte, 20) })},
			{"mark changed", change(func(c *wincrypt.Certificate) { c.Mark = nil })},
			{"key access changed: S-1-1-0 may use it", access("D:P(A;;FA;;;S-1-5-18)(A;;FA;;;S-1-5-32-544)(A;;FA;;;" + account(t, c) + ")(A;;0x80120089;;;S-1-1-0)")},
		} {
			test.spoil()
			found, err := s.Repair(t.Context())
			if err != nil || len(found) != 1 || found[0].Cause != test.cause || !strings.HasPrefix(found[0].Path, "localmachine/"+name+"/sha1-") {
				t.Errorf("%s: found %v, %v", test.cause, found, err)
			}
			if found, err := s.Repair(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("%s: after it was mended: %v, %v", test.cause, found, err)
			}
			if err := opens(t, s, e); err != nil {
				t.Errorf("%s: %v", test.cause, err)
			}
		}
	})
}

func account(t *testing.T, c wincrypt.Calls) string {
	t.Helper()
	sid, err := c.Account()
	if err != nil {
		t.Fatal(err)
	}
	return string(sid)
}

// While Windows has lost a key, secrets still open.
func TestSystemKeyIsLost(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		s := openSystem(t, c)
		e := in(name, storetest.PFX(t, "lost"))
		mustReplace(t, s, e)
		cert, _ := find(t, c, name, e)
		if err := c.DeleteKey(cert.Key); err != nil {
			t.Fatal(err)
		}
		if err := opens(t, s, e); err != nil {
			t.Error(err)
		}
	})
}

// Who may use a key follows the visibilities, their owners and what is exposed, and
// so does a renewed one.
func TestSystemKeyAccess(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		const tasks, starts = sddl.SID("S-1-5-32-545"), sddl.SID("S-1-5-32-546")
		owners := map[batch.Visibility]store.Owner{
			batch.Task: {SIDs: store.NewSIDs(tasks)}, batch.StartTask: {SIDs: store.NewSIDs(starts)}, batch.RemoteUser: {},
		}
		s := openSystem(t, c, func(o *store.SystemOptions) { o.Owners, o.Keyless = owners, []batch.Visibility{batch.RemoteUser} })
		may := func(e store.Entry, want ...sddl.SID) {
			t.Helper()
			cert, _ := find(t, c, name, e)
			key, err := c.OpenKey(cert.Key)
			if err != nil {
				t.Fatal(err)
			}
			defer key.Close()
			grants, err := key.Access()
			if err != nil {
				t.Fatal(err)
			}
			access := wincrypt.Access{Account: sddl.SID(account(t, c)), Readers: want}
			if d := access.Difference(grants); d != "" {
				t.Errorf("%s: %s", e.Bundle.Leaf.Subject, d)
			}
		}
		one, two := in(name, storetest.PFX(t, "one", batch.Task)), in(name, storetest.PFX(t, "two", batch.Task, batch.StartTask, batch.RemoteUser))
		hidden := in(name, storetest.PFX(t, "hidden", batch.RemoteUser))
		mustReplace(t, s, one, two, hidden)
		may(one, tasks)
		may(two, tasks, starts)
		may(hidden)
		narrow := in(name, storetest.PFX(t, "two", batch.StartTask))
		if err := s.Withdraw(t.Context(), []batch.CertificateReference{one.Reference, narrow.Reference}); err != nil {
			t.Fatal(err)
		}
		may(two, starts)
		owners[batch.Task] = store.Owner{SIDs: store.NewSIDs(starts)}
		s.SetOwners(owners)
		mustReplace(t, s, one, two)
		may(one, starts)
	})
}

// The certificate before the current one leads to it.
func TestSystemRenewal(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		s := openSystem(t, c)
		one, two := storetest.Named(in(name, storetest.PFX(t, "one")), "Web"), storetest.Named(in(name, storetest.PFX(t, "two")), "web")
		leads := func(e store.Entry, to *store.Entry) {
			t.Helper()
			cert, _ := find(t, c, name, e)
			want := ""
			if to != nil {
				want = string(to.Reference.Thumbprint[:])
			}
			if string(cert.Renewal) != want {
				t.Errorf("%s leads to %x", e.Bundle.Leaf.Subject, cert.Renewal)
			}
		}
		mustReplace(t, s, one)
		leads(one, nil)
		mustReplace(t, s, two, one)
		leads(one, &two)
		leads(two, nil)
		mustReplace(t, s, one, two)
		leads(one, nil)
		leads(two, &one)
		if err := s.Withdraw(t.Context(), []batch.CertificateReference{two.Reference}); err != nil {
			t.Fatal(err)
		}
		leads(two, nil)
	})
}

func TestSystemRefuses(t *testing.T) {
	onComputers(t, func(t *testing.T, c wincrypt.Calls, name string) {
		owners := map[batch.Visibility]store.Owner{batch.Task: {SIDs: store.NewSIDs(sddl.Users)}, batch.StartTask: {}}
		open := func(change ...func(*store.SystemOptions)) *store.System {
			return openSystem(t, c, append(change, func(o *store.SystemOptions) { o.Owners = owners })...)
		}
		user := func(e store.Entry) store.Entry {
			e.Reference.StoreLocation = batch.CurrentUser
			return e
		}
		refused := func(s *store.System, e store.Entry, want error) {
			t.Helper()
			failed, err := s.Replace(t.Context(), []store.Entry{e})
			if got := failed[e.Reference.Thumbprint]; err != nil || got == nil || want != nil && !errors.Is(got, want) {
				t.Errorf("%v, %v; want %v", got, err, want)
			}
		}
		task := in(name, storetest.PFX(t, "task", batch.Task))
		refused(open(), user(task), store.ErrOtherUser)
		refused(open(), in(name, storetest.PFX(t, "remote", batch.RemoteUser)), store.ErrNoOwner)
		refused(open(), user(in("root", storetest.CER(t, "root", batch.Task))), wincrypt.ErrAsks)
		refused(open(), in(`\\other\My`, storetest.PFX(t, "task", batch.StartTask)), nil)

		keyless := open(func(o *store.SystemOptions) { o.Keyless = []batch.Visibility{batch.Task} })
		mustReplace(t, keyless, user(task)) // through the agent, anybody sees it
		mustReplace(t, keyless)
		mustReplace(t, open(), user(in(name, storetest.CER(t, "public", batch.Task))))
		moved := open(func(o *store.SystemOptions) { o.UserAsMachine = true })
		mustReplace(t, moved, user(task))
		if _, ok := find(t, c, name, task); !ok {
			t.Error("what is for currentuser is not in localmachine")
		}
		for _, name := range []string{"root", "AuthRoot", "TrustedPublisher", "trustedpeople"} {
			refused(moved, user(in(name, storetest.CER(t, "root", batch.Task))), store.ErrWiderTrust)
		}
	})
}
