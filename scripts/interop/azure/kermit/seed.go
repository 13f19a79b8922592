package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/jackofallops/kermit/sdk/batch/2022-01.15.0/batch"
)

// seed adds certificates of one key, a few at a time.
func seed(ctx context.Context, s setup) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	client := newClients(s).certificates
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for n := range numbers {
				if err := addCER(ctx, client, key, n); err != nil {
					cancel(fmt.Errorf("add certificate %d: %w", n, err))
				}
			}
		})
	}
	for n := 1; n <= s.Seeded && ctx.Err() == nil; n++ {
		numbers <- n
	}
	close(numbers)
	workers.Wait()
	return context.Cause(ctx)
}

func addCER(ctx context.Context, client batch.CertificateClient, key *ecdsa.PrivateKey, n int) error {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(n)),
		Subject:      pkix.Name{CommonName: fmt.Sprintf("seeded %d", n)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	sum := sha1.Sum(der)
	_, err = client.Add(ctx, batch.CertificateAddParameter{
		Thumbprint:          new(hex.EncodeToString(sum[:])),
		ThumbprintAlgorithm: new("sha1"),
		Data:                new(base64.StdEncoding.EncodeToString(der)),
		CertificateFormat:   batch.CertificateFormatCer,
	}, nil, nil, nil, nil)
	return err
}
