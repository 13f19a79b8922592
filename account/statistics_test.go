package account_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"poolcert/account"
	"poolcert/batch"
	"poolcert/internal/testcert"
)

func TestStatistics(t *testing.T) { onEachEngine(t, testStatistics) }

func testStatistics(t *testing.T, f *fixture) {
	soon, late := time.Now().Add(24*time.Hour).Truncate(time.Second).UTC(), time.Now().Add(90*24*time.Hour)
	add := func(name string, to time.Time) batch.Thumbprint {
		t.Helper()
		pair := testcert.ECDSA(t, testcert.Name(name), testcert.Valid(time.Now().AddDate(-1, 0, 0), to))
		if err := f.AddCertificate(t.Context(), f.acct, addOf(pair)); err != nil {
			t.Fatal(err)
		}
		return pair.Thumbprint()
	}
	check := func(want account.Statistics) {
		t.Helper()
		got, err := f.Statistics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	late1 := add("late", late)
	next := add("soon", soon)
	add("expired", time.Now().Add(-time.Hour))
	f.addPool("p", late1)
	f.joined("p", "n1")
	f.joined("p", "n2").report(batch.NodeInstalled, late1)
	want := account.Statistics{
		Accounts: 1, Pools: 1, Expired: 1,
		Certificates: map[batch.CertificateState]int{batch.StateActive: 3},
		Nodes:        map[batch.NodeState]int{batch.NodeStarting: 1, batch.NodeIdle: 1},
		Expires:      map[string]time.Time{"acme": soon},
	}
	check(want)
	check(want)

	// What is being deleted is no concern of anybody.
	f.deleteCertificate(next)
	want.Certificates = map[batch.CertificateState]int{batch.StateActive: 2, batch.StateDeleting: 1}
	want.Expires = map[string]time.Time{"acme": late.Truncate(time.Second).UTC()}
	check(want)
}
