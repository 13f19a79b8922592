package account_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/account/db/dbtest"
	"poolcert/account/db/pgtest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

// TestVersion1 opens what a service with the first schema left behind: all is
// there, what is sealed opens, and the service goes on with it.
func TestVersion1(t *testing.T) {
	sqlite := func(t *testing.T) string { return filepath.Join(privateDir(t), "account.db") }
	t.Run("SQLite", func(t *testing.T) { testVersion1(t, loadVersion1(t, sqlite(t))) })
	t.Run("PostgreSQL", func(t *testing.T) { testVersion1(t, loadVersion1(t, pgtest.Database(t))) })
	// A backup of that time is an SQLite file.
	t.Run("Backup", func(t *testing.T) {
		backup := openDB(t, loadVersion1(t, sqlite(t)))
		if err := backup.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		to := pgtest.Database(t)
		if _, err := db.Copy(t.Context(), openDB(t, to), backup); err != nil {
			t.Fatal(err)
		}
		testVersion1(t, to)
	})
}

func loadVersion1(t *testing.T, dsn string) string {
	t.Helper()
	dbtest.LoadVersion1(t, dsn)
	return dsn
}

func openDB(t *testing.T, dsn string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// A version1 is a service over what the first schema left behind.
type version1 struct {
	*fixture
	known struct {
		PrimaryKey, SecondaryKey batch.Key
		Node, SecondNode         string
		NodeKey, NodeSealKey     []byte
	}
}

func testVersion1(t *testing.T, dsn string) {
	v := openVersion1(t, dsn)
	v.wantCertificates(t)
	v.wantPools(t)
	v.wantNodes(t)
	v.goOn(t)
}

func openVersion1(t *testing.T, dsn string) *version1 {
	t.Helper()
	ca, err := account.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	v := &version1{fixture: &fixture{t: t, dir: privateDir(t), dsn: dsn, ca: ca}}
	if err := json.Unmarshal(dbtest.Version1(t, "known.json"), &v.known); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(v.dir, "master.key"), dbtest.Version1(t, "master.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.open()
	v.acct = v.account("acme")
	if string(v.acct.Keys[0]) != string(v.known.PrimaryKey) || string(v.acct.Keys[1]) != string(v.known.SecondaryKey) {
		t.Error("the keys of the account are not what they were")
	}
	if v.account("second").ID == v.acct.ID {
		t.Error("there are not two accounts")
	}
	return v
}

// thumbprint is that of a certificate which the account had then.
func (v *version1) thumbprint(name string) batch.Thumbprint {
	return testcert.RSA(v.t, testcert.Name(name)).Thumbprint()
}

func (v *version1) wantCertificates(t *testing.T) {
	states := map[string]batch.CertificateState{"installed": "active", "failed": "active", "public": "active", "deletefailed": "deletefailed", "deleting": "deleting"}
	for name, want := range states {
		pair := testcert.RSA(t, testcert.Name(name))
		c := v.certificate(pair.Thumbprint())
		if c.State != want || *c.HasPrivateKey != (name != "public") {
			t.Errorf("certificate %s: got %+v", name, c)
		}
		if der, err := c.DER(); err != nil || string(der) != string(pair.Cert.Raw) {
			t.Errorf("certificate %s: its public data changed: %v", name, err)
		}
	}
	if e := v.certificate(v.thumbprint("deletefailed")).DeleteCertificateError; e == nil || len(e.Values) != 1 || e.Values[0] != (batch.NameValue{Name: "Pools", Value: "holder"}) {
		t.Errorf("got the error of deletion %+v", e)
	}
}

func (v *version1) wantPools(t *testing.T) {
	pool, err := v.Pool(t.Context(), v.acct, "render")
	if err != nil {
		t.Fatal(err)
	}
	if pool.ID != "Render" || len(pool.CertificateReferences) != 3 || pool.CertificateReferences[0].Thumbprint != v.thumbprint("installed") ||
		pool.CertificateReferences[1].StoreName != "Root" || string(pool.Properties["vmSize"]) != `"Standard_D2"` ||
		string(pool.Properties["currentDedicatedNodes"]) != "2" {
		t.Errorf("got the pool %+v", pool)
	}
	if tokens, err := v.JoinTokens(t.Context(), v.acct, "empty"); err != nil || len(tokens) != 2 {
		t.Errorf("got the join tokens %v, %v", tokens, err)
	}
}

func (v *version1) wantNodes(t *testing.T) {
	first, err := v.Node(t.Context(), v.acct, "render", v.known.Node)
	if err != nil {
		t.Fatal(err)
	}
	if first.AgentVersion != "0.9.1" || first.LastBootTime == nil || len(first.Certificates) != 3 || len(first.CertificateReferences) != 2 {
		t.Errorf("got the node %+v", first)
	}
	if second, err := v.Node(t.Context(), v.acct, "render", v.known.SecondNode); err != nil || len(second.Certificates) != 1 || second.Certificates[0].State != batch.NodeDelivering {
		t.Errorf("got the node %+v, %v", second, err)
	}
}

func (v *version1) goOn(t *testing.T) {
	// The node goes on with its keys, and opens what was sealed at rest then.
	key, err := x509.ParsePKCS8PrivateKey(v.known.NodeKey)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := nodeapi.ParseSealKey(v.known.NodeSealKey)
	if err != nil {
		t.Fatal(err)
	}
	n := &testNode{f: v.fixture, key: key.(*ecdsa.PrivateKey), seal: seal, name: "a",
		EnrollResponse: &nodeapi.EnrollResponse{Account: "acme", Pool: "Render", Node: v.known.Node}}
	got, err := n.fetch(v.thumbprint("installed"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Password != password {
		t.Error("the password is not what it was")
	}
	if _, err := n.fetch(v.thumbprint("public")); err != nil {
		t.Error(err)
	}
	n.report(batch.NodeInstalled, v.thumbprint("installed"), v.thumbprint("failed"), v.thumbprint("public"))

	// Deletions go on: one was under way, the other one is free once its pool is.
	v.run()
	v.deletePool("holder")
	v.deleteCertificate(v.thumbprint("deletefailed"))
	for _, name := range []string{"deleting", "deletefailed"} {
		eventually(t, "the certificate "+name+" is gone", func() bool {
			_, err := v.Certificate(t.Context(), v.acct, v.thumbprint(name))
			return err != nil
		})
	}
	v.joined("empty", "new")
	v.addCertificate("later")
}

// eventually waits for what happens on its own.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !happened() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("in vain: %s", what)
		}
	}
}
