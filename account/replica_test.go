package account_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/account/db/pgtest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// replica returns another service on the same database.
func (f *fixture) replica() *fixture {
	f.t.Helper()
	other := &fixture{t: f.t, dir: f.dir, dsn: f.dsn, ca: f.ca}
	other.open()
	other.acct = other.account(f.acct.Name)
	return other
}

// wakes returns a function that waits until a long poll of the node n at f ends,
// and returns how it ended; it began with what f knew when wakes was called.
func (f *fixture) wakes(n *testNode) func() (*account.ReferencesDoc, error) {
	f.t.Helper()
	id, err := f.NodeByKey(f.t.Context(), n.spki())
	if err != nil {
		f.t.Fatal(err)
	}
	doc, err := f.References(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	type end struct {
		doc *account.ReferencesDoc
		err error
	}
	ended := make(chan end, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		doc, err := f.WaitReferences(ctx, id, doc.Tag, nodeapi.MaxWait)
		ended <- end{doc, err}
	}()
	return func() (*account.ReferencesDoc, error) {
		start := time.Now()
		e := <-ended
		f.t.Logf("after %v", time.Since(start).Round(time.Millisecond))
		if e.err == nil && e.doc.Tag == doc.Tag {
			f.t.Error("the wait ended without a change")
		}
		return e.doc, e.err
	}
}

// TestReplicas: what one replica writes, the other one's nodes and clients see,
// in each way in which they may hear of it.
func TestReplicas(t *testing.T) {
	const never = time.Hour
	for name, test := range map[string]struct {
		notify string
		look   time.Duration // without a notice
		cut    bool
	}{
		"by notice":                 {"on", never, false},
		"by looking":                {"off", account.FollowInterval, false},
		"after the listener is cut": {"on", never, true},
		"cut, and by looking":       {"on", account.FollowInterval, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := pgtest.Database(t) + "&notify=" + test.notify
			one := newFixtureOn(t, dsn)
			tp := one.addCertificate("cert")
			one.addPool("pool")
			one.addPool("other")
			node, evicted, orphan := one.joined("pool", "a"), one.joined("pool", "b"), one.joined("other", "c")
			two := one.replica()
			account.SetFollowInterval(two.Service, test.look)
			one.run()
			two.run()

			woken := two.wakes(node)
			if test.cut {
				cutListeners(t, dsn)
			}
			one.setReferences("pool", tp)
			if _, err := woken(); err != nil {
				t.Error(err)
			}

			woken = two.wakes(evicted)
			if test.cut {
				cutListeners(t, dsn)
			}
			evicted.evict()
			_, err := woken()
			wantNodeCode(t, err, nodeapi.CodeNodeRevoked)
			if _, err := two.NodeByKey(t.Context(), node.spki()); err != nil {
				t.Errorf("the other node: %v", err)
			}

			woken = two.wakes(orphan)
			one.deletePool("other")
			_, err = woken()
			wantNodeCode(t, err, nodeapi.CodeNodeRevoked)

			woken = two.wakes(node)
			primary, err := one.RotateKey(t.Context(), "acme", account.PrimaryKey)
			if err != nil {
				t.Fatal(err)
			}
			one.setReferences("pool") // later than the rotation, so who sees this sees that
			if _, err := woken(); err != nil {
				t.Error(err)
			}
			for _, f := range []*fixture{one, two} {
				a := f.account("acme")
				if string(a.Keys[0]) != string(primary) || string(a.Keys[1]) != string(f.acct.Keys[1]) {
					t.Error("the keys are not the rotated one and the old one")
				}
			}
		})
	}
}

// cutListeners ends the connections that listen, as a failover would. That there
// are none yet is fine: they are about to be made.
func cutListeners(t *testing.T, dsn string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pgtest.Query(t, strings.Trim(u.Path, "/"), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE application_name LIKE '% listener' AND datname = current_database()`)
}

// TestReplicaEndsDeletion: the replica where a deletion began goes away.
func TestReplicaEndsDeletion(t *testing.T) {
	one := newFixtureOn(t, pgtest.Database(t))
	tp := one.addCertificate("cert")
	one.addPool("pool", tp)
	node := one.joined("pool", "a")
	two := one.replica()
	two.run()
	woken := two.wakes(node)
	one.deleteCertificate(tp)
	one.setReferences("pool")
	if _, err := woken(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if _, err := two.Certificate(ctx, two.acct, tp); err != nil {
			wantCode(t, err, batch.CodeCertificateNotFound)
			return
		}
	}
}

// TestOtherProcess: a service on SQLite follows a command that rotates a key.
func TestOtherProcess(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.addPool("pool")
	woken := f.wakes(f.joined("pool", "a"))
	command := f.replica()
	key, err := command.RotateKey(t.Context(), "acme", account.SecondaryKey)
	if err != nil {
		t.Fatal(err)
	}
	command.setReferences("pool", command.addCertificate("cert"))
	if _, err := woken(); err != nil {
		t.Error(err)
	}
	a := f.account("acme")
	if string(a.Keys[1]) != string(key) || string(a.Keys[0]) != string(f.acct.Keys[0]) {
		t.Error("the keys are not the old one and the rotated one")
	}
	if reread := f.account("acme"); reread != a {
		t.Error("the account is read each time")
	}
}

func TestRotateKeyRefuses(t *testing.T) {
	f := newFixture(t)
	if _, err := f.RotateKey(t.Context(), "nobody", account.PrimaryKey); !errors.Is(err, account.ErrNoAccount) {
		t.Errorf("got %v, want ErrNoAccount", err)
	}
	if _, err := f.RotateKey(t.Context(), "acme", "tertiary"); !errors.Is(err, account.ErrKeyName) {
		t.Errorf("got %v, want ErrKeyName", err)
	}
}

// TestReplicasStartAtOnce on an empty database: they seal with one data key.
func TestReplicasStartAtOnce(t *testing.T) {
	one := newFixtureOn(t, pgtest.Database(t))
	keys, err := account.OpenKeyring(filepath.Join(one.dir, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	dsn := pgtest.Database(t)
	errs := make(chan error)
	const replicas = 4
	for range replicas {
		go func() {
			d, err := db.Open(t.Context(), dsn)
			if err == nil {
				defer d.Close()
				_, err = account.New(t.Context(), account.Config{DB: d, Keys: keys, CA: one.ca})
			}
			errs <- err
		}()
	}
	for range replicas {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if used, err := account.MasterKeys(t.Context(), d, keys); err != nil || len(used) != 1 || !used[0].InUse {
		t.Errorf("got %v, %v", used, err)
	}
}
