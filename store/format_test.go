package store_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"poolcert/batch"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
	"poolcert/store"
)

// The files that a TLS server reads: the certificate first, each issuer after what
// it issued, and nothing else that the PFX happens to hold.
func TestDirFilesForServers(t *testing.T) {
	root := testcert.CA(t, testcert.Name("root"))
	ca := testcert.CA(t, testcert.Name("ca"), testcert.IssuedBy(root))
	namesake := testcert.CA(t, testcert.Name("ca"), testcert.Key("rsa2048a"))
	stranger := testcert.RSA(t, testcert.Name("stranger"))
	for kind, pair := range map[string]*testcert.Pair{
		"RSA":   testcert.RSA(t, testcert.Name("server"), testcert.IssuedBy(ca)),
		"ECDSA": testcert.ECDSA(t, testcert.Name("server"), testcert.IssuedBy(ca)),
	} {
		opts := options(newRoot(t))
		opts.Formats = map[batch.Visibility][]store.FileFormat{batch.Task: {store.FilePEM, store.FileKey}}
		replace(t, openDir(t, opts), store.Entry{
			Reference: batch.CertificateReference{Thumbprint: pair.Thumbprint(), Visibility: []batch.Visibility{batch.Task}},
			Format:    batch.FormatPFX,
			Bundle: &pfx.Bundle{
				Leaf: pair.Cert, Key: pair.Key,
				Chain: []*x509.Certificate{root.Cert, stranger.Cert, namesake.Cert, ca.Cert},
			},
		})
		file := filepath.Join(opts.Root, "current", "task", "sha1-"+pair.Thumbprint().String())
		got, err := tls.LoadX509KeyPair(file+".pem", file+".key")
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		want := [][]byte{pair.Cert.Raw, ca.Cert.Raw, root.Cert.Raw}
		if !slices.EqualFunc(got.Certificate, want, bytes.Equal) {
			t.Errorf("%s: %d certificates, want server, ca, root", kind, len(got.Certificate))
		}
		if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 2 {
			t.Errorf("%s: files %v, %v", kind, entries, err)
		}
	}
}
