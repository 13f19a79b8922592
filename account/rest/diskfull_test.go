//go:build linux

package rest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"poolcert/account"
	"poolcert/account/db/pgtest"
	"poolcert/account/rest"
	"poolcert/batch"
	"poolcert/internal/smalldisk"
	"poolcert/internal/testcert"
)

// TestDiskFull fills the disk of a running service: writes are postponed, reads go
// on, and writes go on by themselves when there is space again.
func TestDiskFull(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		disk := smalldisk.Mount(t, 4)
		testDiskFull(t, disk, filepath.Join(disk.Dir, "poolcert.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		disk := smalldisk.Mount(t, 24)
		testDiskFull(t, disk, pgtest.New(t).DatabaseIn(t, disk.Dir))
	})
}

func testDiskFull(t *testing.T, disk *smalldisk.Disk, dsn string) {
	service := newTestServiceOn(t, dsn, account.DefaultDeleteWindow)
	key, _, err := service.CreateAccount(t.Context(), "acct")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(rest.New(rest.Config{Service: service}))
	defer srv.Close()
	var header http.Header // of the last answer
	client := &batch.Client{Endpoint: srv.URL, Credentials: batch.Credentials{Account: "acct", Key: key}, HTTP: &http.Client{
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				header = resp.Header
			}
			return resp, err
		}),
	}}

	certificates := 0
	add := func(ctx context.Context) error {
		pair := testcert.RSA(t, testcert.Name(fmt.Sprintf("cert%d", certificates)))
		err := client.AddCertificate(ctx, &batch.AddCertificate{
			Thumbprint: pair.Thumbprint(), ThumbprintAlgorithm: batch.SHA1, Format: batch.FormatPFX,
			Data: base64.StdEncoding.EncodeToString(pair.PFX(password)), Password: password,
		})
		if err == nil {
			certificates++
		}
		return err
	}
	listed := func() (n int) {
		t.Helper()
		for _, err := range client.Certificates(t.Context(), batch.ListOptions{}) {
			if err != nil {
				t.Fatalf("list: %v", err)
			}
			n++
		}
		return n
	}
	for round := range 2 {
		if err := add(t.Context()); err != nil {
			t.Fatalf("round %d, with space: %v", round, err)
		}
		disk.Fill()
		refused := false
		for range 60 { // there is room in the database that is not used yet
			if err := add(t.Context()); err != nil {
				refused = true
				if !errors.Is(err, &batch.Error{Code: batch.CodeServerBusy}) || header.Get("Retry-After") == "" {
					t.Fatalf("round %d, full: got %v, Retry-After %q; want ServerBusy", round, err, header.Get("Retry-After"))
				}
				break
			}
		}
		if !refused {
			t.Fatalf("round %d: the disk was not full", round)
		}
		if got := listed(); got != certificates {
			t.Errorf("round %d, full: listed %d certificates, want the %d that were acknowledged", round, got, certificates)
		}
		if err := service.Ready(t.Context()); err != nil {
			t.Errorf("round %d: a service that reads is not ready: %v", round, err)
		}
		disk.Free()
	}
	if err := add(t.Context()); err != nil {
		t.Errorf("at the end, with space: %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
