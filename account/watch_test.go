package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// A waiting is a long poll in a goroutine.
type waiting struct {
	doc  *account.ReferencesDoc
	err  error
	took time.Duration
	done chan struct{}
}

func (n *testNode) wait(ctx context.Context, tag string, wait time.Duration) *waiting {
	w := &waiting{done: make(chan struct{})}
	id := n.identity()
	s := n.f.Service
	start := time.Now()
	go func() {
		defer close(w.done)
		w.doc, w.err = s.WaitReferences(ctx, id, tag, wait)
		w.took = time.Since(start)
	}()
	synctest.Wait()
	return w
}

func (w *waiting) isDone() bool {
	synctest.Wait()
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

func TestWaitReferences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		stop := f.run()
		tp := f.addCertificate("cert")
		f.addPool("Pool", tp)
		f.addPool("other")
		n := f.joined("pool", "n1")
		doc := n.references()
		var body nodeapi.References
		if err := json.Unmarshal(doc.Body, &body); err != nil {
			t.Fatal(err)
		}
		if body.Account != "acme" || body.Pool != "Pool" || body.Revision != doc.Tag || len(body.References) != 1 || body.References[0].Thumbprint != tp {
			t.Errorf("got %+v", body)
		}

		if w := n.wait(t.Context(), "an old tag", time.Minute); !w.isDone() || w.doc.Tag != doc.Tag {
			t.Error("another tag: it waits")
		}
		w := n.wait(t.Context(), doc.Tag, 55*time.Second)
		if w.isDone() {
			t.Fatal("the same tag: it doesn't wait")
		}
		<-w.done
		if w.err != nil || w.doc.Tag != doc.Tag || w.took != 55*time.Second {
			t.Errorf("at the end of the wait: got %+v", w)
		}

		// A change of another pool, or of something else, wakes nobody.
		w = n.wait(t.Context(), doc.Tag, nodeapi.MaxWait)
		f.setReferences("other", tp)
		f.setReferences("pool", tp)
		if w.isDone() {
			t.Error("it woke up for nothing")
		}
		f.setReferences("pool")
		if !w.isDone() || w.err != nil || w.doc.Tag == doc.Tag {
			t.Fatalf("a change: got %+v", w)
		}
		empty := w.doc.Tag

		// The content decides, so that the tag is the same again, also after a restart.
		f.setReferences("pool", tp)
		if again, err := f.References(t.Context(), n.identity()); err != nil || again.Tag != doc.Tag {
			t.Errorf("the old content: got %+v, %v", again, err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		w = n.wait(ctx, doc.Tag, time.Minute)
		cancel()
		if !w.isDone() || !errors.Is(w.err, context.Canceled) {
			t.Errorf("client gone: got %+v", w)
		}

		w = n.wait(t.Context(), doc.Tag, time.Minute)
		stop()
		if !w.isDone() || w.err != nil || w.doc.Tag != doc.Tag {
			t.Errorf("shutdown: got %+v", w)
		}
		f.reopen()
		f.run()
		if again, err := f.References(t.Context(), n.identity()); err != nil || again.Tag != doc.Tag || again.Tag == empty {
			t.Errorf("after a restart: got %+v, %v", again, err)
		}
	})
}

// TestWaitEndsWithEviction, by name and with the pool.
func TestWaitEndsWithEviction(t *testing.T) {
	for name, end := range map[string]func(*fixture, *testNode) error{
		"evicted": func(f *fixture, n *testNode) error {
			return f.RemoveNodes(f.t.Context(), f.acct, "pool", []string{n.Node}, account.Conditions{})
		},
		"pool deleted": func(f *fixture, n *testNode) error {
			return f.DeletePool(f.t.Context(), f.acct, "pool", account.Conditions{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				f.run()
				f.addPool("pool")
				n := f.joined("pool", "n1")
				id := n.identity()
				doc, err := f.References(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				w := n.wait(t.Context(), doc.Tag, time.Minute)
				if err := end(f, n); err != nil {
					t.Fatal(err)
				}
				if !w.isDone() {
					t.Fatal("it still waits")
				}
				wantNodeCode(t, w.err, nodeapi.CodeNodeRevoked)
				_, err = f.NodeByKey(t.Context(), n.spki())
				wantNodeCode(t, err, nodeapi.CodeNodeRevoked)
				// A request that began before is refused too where it matters.
				_, err = f.SealedCertificate(t.Context(), id, batch.Thumbprint{1})
				wantNodeCode(t, err, nodeapi.CodeNodeRevoked)
				wantNodeCode(t, f.Report(t.Context(), id, &nodeapi.Status{}), nodeapi.CodeNodeRevoked)
			})
		})
	}
}

// TestUnchangedPollReadsNoDatabase: it is answered after the database is closed.
func TestUnchangedPollReadsNoDatabase(t *testing.T) {
	f := newFixture(t)
	f.addPool("pool")
	n := f.joined("pool", "n1")
	doc := n.references()
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := f.References(t.Context(), n.identity())
	if err != nil || again != doc {
		t.Errorf("got %v, %v", again, err)
	}
}
