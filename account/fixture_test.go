package account_test

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/account/db/pgtest"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
)

const password = "correct-horse-PASSWORD-canary"

// A fixture is a service with one account.
type fixture struct {
	*account.Service
	t    testing.TB
	dir  string
	dsn  string // of the database
	db   *db.DB
	ca   *account.CA
	acct *account.Account

	// Of services that are opened later.
	events  account.Events
	nodeTTL time.Duration
}

// newFixture has a database of its own in SQLite.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	return newFixtureOn(t, "")
}

// onEachEngine runs a test with a fixture on SQLite, and one on PostgreSQL.
func onEachEngine(t *testing.T, test func(*testing.T, *fixture)) {
	t.Run("SQLite", func(t *testing.T) { test(t, newFixture(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, newFixtureOn(t, pgtest.Database(t))) })
}

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func privateDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func newFixtureOn(t testing.TB, dsn string) *fixture {
	t.Helper()
	dir := privateDir(t)
	ca, err := account.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	if err := account.NewKeyringFile(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	if dsn == "" {
		dsn = filepath.Join(dir, "account.db")
	}
	f := &fixture{t: t, dir: dir, dsn: dsn, ca: ca}
	f.open()
	if _, _, err := f.CreateAccount(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	f.acct = f.account("acme")
	return f
}

// open opens the database and makes a service over it.
func (f *fixture) open() {
	f.t.Helper()
	d, err := db.Open(f.t.Context(), f.dsn)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { d.Close() })
	f.db = d
	if f.Service, err = f.newService(); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) newService() (*account.Service, error) {
	keys, err := account.OpenKeyring(filepath.Join(f.dir, "master.key"))
	if err != nil {
		return nil, err
	}
	return account.New(f.t.Context(), account.Config{
		DB: f.db, Keys: keys, CA: f.ca, NodeURL: "https://server.example:8443", NodeTTL: f.nodeTTL, Events: f.events,
	})
}

// reopen is a restart of the process.
func (f *fixture) reopen() {
	f.t.Helper()
	if err := f.db.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.open()
	f.acct = f.account("acme")
}

// run runs the service until the returned function is called, or the test ends.
func (f *fixture) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s := f.Service
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			f.t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	f.t.Cleanup(stop)
	return stop
}

func (f *fixture) account(name string) *account.Account {
	f.t.Helper()
	a, err := f.Account(f.t.Context(), name)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func addOf(pair *testcert.Pair) *batch.AddCertificate {
	return &batch.AddCertificate{
		Thumbprint:          batch.ThumbprintOf(pair.Cert),
		ThumbprintAlgorithm: "sha1",
		Data:                base64.StdEncoding.EncodeToString(pair.PFX(password)),
		Password:            password,
	}
}

// addCertificate adds a certificate of that name and returns its thumbprint.
func (f *fixture) addCertificate(name string) batch.Thumbprint {
	f.t.Helper()
	add := addOfName(f.t, name)
	if err := f.AddCertificate(f.t.Context(), f.acct, add); err != nil {
		f.t.Fatal(err)
	}
	return add.Thumbprint
}

func references(thumbprints ...batch.Thumbprint) []batch.CertificateReference {
	refs := make([]batch.CertificateReference, 0, len(thumbprints))
	for _, tp := range thumbprints {
		refs = append(refs, batch.CertificateReference{Thumbprint: tp, ThumbprintAlgorithm: "sha1"})
	}
	return refs
}

func (f *fixture) addPool(id string, thumbprints ...batch.Thumbprint) *batch.Pool {
	f.t.Helper()
	p, err := f.AddPool(f.t.Context(), f.acct, &batch.Pool{ID: id, CertificateReferences: references(thumbprints...)})
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *fixture) deletePool(id string) {
	f.t.Helper()
	if err := f.DeletePool(f.t.Context(), f.acct, id, account.Conditions{}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) patchReferences(pool string, refs ...batch.CertificateReference) error {
	_, err := f.PatchPool(f.t.Context(), f.acct, pool, account.PoolPatch{CertificateReferences: &refs}, account.Conditions{})
	return err
}

// setReferences makes the pool refer to these certificates only.
func (f *fixture) setReferences(pool string, thumbprints ...batch.Thumbprint) {
	f.t.Helper()
	if err := f.patchReferences(pool, references(thumbprints...)...); err != nil {
		f.t.Fatal(err)
	}
}

// wantCode checks a refusal to an API user.
func wantCode(t testing.TB, err error, code batch.ErrorCode) *batch.Error {
	t.Helper()
	refusal, ok := errors.AsType[*batch.Error](err)
	if !ok {
		t.Errorf("got error %v, want %s", err, code)
		return &batch.Error{}
	}
	if refusal.Code != code || refusal.Status != code.Status() {
		t.Errorf("got %s with status %d, want %s with %d", refusal.Code, refusal.Status, code, code.Status())
	}
	return refusal
}

func wantNodeCode(t testing.TB, err error, code nodeapi.ErrorCode) {
	t.Helper()
	refusal, ok := errors.AsType[*nodeapi.Error](err)
	if !ok || refusal.Code != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

// wantGone wants the certificate to be gone.
func (f *fixture) wantGone(tp batch.Thumbprint) {
	f.t.Helper()
	_, err := f.Certificate(f.t.Context(), f.acct, tp)
	wantCode(f.t, err, batch.CodeCertificateNotFound)
}

func (f *fixture) wantState(tp batch.Thumbprint, want batch.CertificateState) {
	f.t.Helper()
	if got := f.certificate(tp).State; got != want {
		f.t.Errorf("got state %s, want %s", got, want)
	}
}

func (f *fixture) deleteCertificate(tp batch.Thumbprint) {
	f.t.Helper()
	if err := f.DeleteCertificate(f.t.Context(), f.acct, tp); err != nil {
		f.t.Fatal(err)
	}
}

// endDeletion does what Run does at the end of the window.
func (f *fixture) endDeletion(tp batch.Thumbprint) {
	f.t.Helper()
	if err := account.EndDeletion(f.Service, f.t.Context(), &db.Certificate{Account: f.acct.ID, Thumbprint: tp}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) certificate(tp batch.Thumbprint) *batch.Certificate {
	f.t.Helper()
	c, err := f.Certificate(f.t.Context(), f.acct, tp)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func addOfName(t testing.TB, name string) *batch.AddCertificate {
	t.Helper()
	return addOf(testcert.RSA(t, testcert.Name(name)))
}
