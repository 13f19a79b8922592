// Seed adds certificates to the account of a setup, so that there is something to
// page through. It is a part of scripts/interop/azure/run.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"poolcert/batch"
)

// A setup is the JSON file that run writes.
type setup struct {
	URL     string
	Account string
	Key     []byte
	Seeded  int64 // how many certificates
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: seed SETUP")
	}
	data, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var s setup
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	client := &batch.Client{Endpoint: s.URL, Credentials: batch.Credentials{Account: s.Account, Key: s.Key}}
	group, ctx := errgroup.WithContext(context.Background())
	group.SetLimit(16)
	for n := range s.Seeded {
		group.Go(func() error { return add(ctx, client, key, n) })
	}
	return group.Wait()
}

// add adds one certificate of the key.
func add(ctx context.Context, client *batch.Client, key *ecdsa.PrivateKey, n int64) error {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(n + 1),
		Subject:      pkix.Name{CommonName: fmt.Sprintf("seeded %d", n)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	return client.AddCertificate(ctx, &batch.AddCertificate{
		Thumbprint:          batch.ThumbprintOf(cert),
		ThumbprintAlgorithm: batch.SHA1,
		Data:                base64.StdEncoding.EncodeToString(der),
		Format:              batch.FormatCER,
	})
}
