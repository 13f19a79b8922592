//go:build linux

package main

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"poolcert/batch"
)

// addCertificates adds PFX files with RSA keys, which openssl makes.
func (s *server) addCertificates(ctx context.Context, count int) ([]batch.Thumbprint, error) {
	var all []batch.Thumbprint
	for i := range count {
		add, err := newCertificate(ctx, s.dir, i)
		if err == nil {
			err = s.AddCertificate(ctx, add)
		}
		if err != nil {
			return nil, fmt.Errorf("add a certificate: %w", err)
		}
		all = append(all, add.Thumbprint)
	}
	return all, nil
}

// makeCertificate takes a folder and a name.
const makeCertificate = `cd "$1"
openssl req -x509 -newkey rsa:2048 -noenc -days 2 -subj "/CN=bench $2" -keyout bench.key -out bench.crt 2>/dev/null
openssl pkcs12 -export -in bench.crt -inkey bench.key -passout pass:bench -out bench.pfx`

func newCertificate(ctx context.Context, dir string, n int) (*batch.AddCertificate, error) {
	if out, err := exec.CommandContext(ctx, "sh", "-ec", makeCertificate, "sh", dir, fmt.Sprint(n)).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("openssl: %w: %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "bench.crt"))
	if err != nil {
		return nil, err
	}
	pfx, err := os.ReadFile(filepath.Join(dir, "bench.pfx"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	return &batch.AddCertificate{Thumbprint: batch.ThumbprintOf(cert), ThumbprintAlgorithm: batch.SHA1,
		Data: base64.StdEncoding.EncodeToString(pfx), Format: batch.FormatPFX, Password: "bench"}, nil
}
