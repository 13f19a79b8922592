package account_test

import (
	"testing"

	"poolcert/account/db/pgtest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
)

// TestPostgresOutage: while the server is away, clients and nodes are told to come
// back, unchanged polls are answered, and all goes on by itself afterwards, with
// what other replicas write too.
func TestPostgresOutage(t *testing.T) {
	server := pgtest.New(t)
	f := newFixtureOn(t, server.Database(t))
	f.run()
	tp := f.addCertificate("cert")
	f.addPool("pool", tp)
	n := f.joined("pool", "a")
	stranger := f.newNode("b")
	doc := n.references()
	for _, end := range []func() error{server.Stop, server.Crash} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		_, err := f.Certificate(t.Context(), f.acct, tp)
		wantCode(t, err, batch.CodeServerBusy)
		wantCode(t, f.DeleteCertificate(t.Context(), f.acct, tp), batch.CodeServerBusy)
		_, err = f.NodeByKey(t.Context(), stranger.spki())
		wantNodeCode(t, err, nodeapi.CodeBusy)
		_, err = f.SealedCertificate(t.Context(), n.identity(), tp)
		wantNodeCode(t, err, nodeapi.CodeBusy)
		wantNodeCode(t, f.Report(t.Context(), n.identity(), &nodeapi.Status{}), nodeapi.CodeBusy)
		if f.Ready(t.Context()) == nil {
			t.Error("it says that it is ready")
		}
		if again, err := f.References(t.Context(), n.identity()); err != nil || again.Tag != doc.Tag {
			t.Errorf("an unchanged poll: %v", err)
		}

		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Certificate(t.Context(), f.acct, tp); err != nil {
			t.Errorf("at once after the start: %v", err)
		}
		woken := f.wakes(n)
		other := f.replica()
		other.setReferences("pool")
		if _, err := woken(); err != nil {
			t.Error(err)
		}
		other.setReferences("pool", tp)
		for {
			again, err := f.References(t.Context(), n.identity())
			if err != nil {
				t.Fatal(err)
			}
			if again.Tag == doc.Tag {
				break
			}
		}
	}
}
