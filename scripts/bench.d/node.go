//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"poolcert/batch"
	"poolcert/internal/pfx"
)

// nodeCertificates are so many that a node with all of them is a full one.
const nodeCertificates = 50

// A node is the agent that scripts/bench runs, and the account that it follows.
type node struct {
	agent        process
	account      *batch.Client
	certificates []batch.CertificateReference
}

// openNode adds certificates to the account. The pool does not refer to them yet.
func (b *bench) openNode(ctx context.Context) (*node, error) {
	var account struct{ PrimaryKey string }
	var server struct{ URL string }
	if err := errors.Join(readJSON("account.json", &account), readJSON("server.ready", &server)); err != nil {
		return nil, err
	}
	key, err := batch.ParseKey(account.PrimaryKey)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile("server/ca.pem")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	n := &node{agent: process(b.agent), account: &batch.Client{
		Endpoint:    server.URL,
		Credentials: batch.Credentials{Account: "bench", Key: key},
		HTTP:        &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	}}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	for i := 0; i < nodeCertificates && err == nil; i++ {
		err = n.add(ctx, private, int64(i))
	}
	return n, err
}

func readJSON(path string, v any) error {
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	return err
}

// add makes a certificate for key.
func (n *node) add(ctx context.Context, key *rsa.PrivateKey, serial int64) error {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprint("bench ", serial)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageKeyEncipherment,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	const password = "bench"
	data, err := pfx.Encode(&pfx.Bundle{Leaf: cert, Key: key}, password)
	if err != nil {
		return err
	}
	thumbprint := batch.ThumbprintOf(cert)
	reference := batch.CertificateReference{Thumbprint: thumbprint, Visibility: []batch.Visibility{batch.Task}}
	n.certificates = append(n.certificates, reference.WithDefaults())
	return n.account.AddCertificate(ctx, &batch.AddCertificate{
		Thumbprint: thumbprint, ThumbprintAlgorithm: batch.SHA1,
		Data: base64.StdEncoding.EncodeToString(data), Format: batch.FormatPFX, Password: password,
	})
}

// follow has the pool refer to certificates, and waits until the node has these
// and not the others.
func (n *node) follow(ctx context.Context, references []batch.CertificateReference) error {
	if err := n.account.PatchPool(ctx, "bench", batch.PatchPool{CertificateReferences: &references}, ""); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		names, err := filepath.Glob("node/certs/current/task/*.pfx")
		if err != nil {
			return err
		}
		if len(names) == len(references) && installed(references[0]) && installed(references[len(references)-1]) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d certificates on the node, of which %d are there: %w", len(references), len(names), ctx.Err())
		case <-tick.C:
		}
	}
}

func installed(r batch.CertificateReference) bool {
	_, err := os.Stat("node/certs/current/task/sha1-" + r.Thumbprint.String() + ".pfx")
	return !errors.Is(err, fs.ErrNotExist)
}
