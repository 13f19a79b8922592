package directory

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/pfx"
)

// folderFiles are the contents of what one entry of references.toml names.
type folderFiles struct {
	entry     folderEntry
	data, key []byte
	password  string
}

// load reads the files of e.
func (f *folder) load(e folderEntry) (_ *folderFiles, err error) {
	files := &folderFiles{entry: e}
	data, open, err := f.read(e.File, nodeapi.MaxData)
	if err != nil {
		return nil, err
	}
	files.data = data
	if open && !isPublic(data) {
		return nil, fmt.Errorf("%s: others can read it, and it may hold a private key", e.File)
	}
	if e.KeyFile != "" {
		if files.key, err = f.readSecret(e.KeyFile, nodeapi.MaxData); err != nil {
			return nil, err
		}
	}
	if e.Password != nil {
		files.password = *e.Password
	}
	if e.PasswordFile != "" {
		text, err := f.readSecret(e.PasswordFile, nodeapi.MaxPassword)
		if err != nil {
			return nil, err
		}
		files.password = string(bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")))
		clear(text)
	}
	return files, nil
}

func (f *folder) readSecret(name string, limit int64) ([]byte, error) {
	data, open, err := f.read(name, limit)
	if err == nil && open {
		return nil, fmt.Errorf("%s: others can read the secret in it", name)
	}
	return data, err
}

func isPEM(data []byte) bool { return bytes.Contains(data, []byte("-----BEGIN ")) }

func hasPEMKey(data []byte) bool { return bytes.Contains(data, []byte("PRIVATE KEY-----")) }

// isPublic tells whether data is a certificate, or several, and nothing else.
func isPublic(data []byte) bool {
	if isPEM(data) {
		return bytes.Contains(data, []byte("-----BEGIN CERTIFICATE-----")) && !hasPEMKey(data)
	}
	_, err := x509.ParseCertificate(data)
	return err == nil
}

// certificate opens the files, as the form of their content asks for, and checks
// what comes out.
func (f *folderFiles) certificate(ctx context.Context) (batch.Thumbprint, *nodeapi.Certificate, error) {
	leaf, c, err := f.open(ctx)
	if err != nil {
		return batch.Thumbprint{}, nil, err
	}
	thumbprint := batch.ThumbprintOf(leaf)
	if want := f.entry.Thumbprint; want != nil && *want != thumbprint {
		return batch.Thumbprint{}, nil, fmt.Errorf("it is certificate %s, and %s says %s", thumbprint, referencesFile, *want)
	}
	return thumbprint, c, nil
}

func (f *folderFiles) open(ctx context.Context) (*x509.Certificate, *nodeapi.Certificate, error) {
	switch {
	case f.key != nil || isPEM(f.data) && hasPEMKey(f.data):
		return f.openPEM()
	case isPublic(f.data):
		if f.password != "" {
			return nil, nil, errors.New("a certificate without private key has no password")
		}
		cert, err := pfx.DecodeCER(f.data)
		if err != nil {
			return nil, nil, err
		}
		return cert, &nodeapi.Certificate{Format: batch.FormatCER, Data: cert.Raw}, nil
	}
	var opts pfx.Options
	if f.entry.Thumbprint != nil {
		opts.Thumbprint = *f.entry.Thumbprint
	}
	bundle, err := pfx.Decode(ctx, f.data, f.password, opts)
	if err != nil {
		return nil, nil, err
	}
	return bundle.Leaf, &nodeapi.Certificate{Format: batch.FormatPFX, Data: f.data, Password: batch.Password(f.password)}, nil
}

// openPEM makes a PFX of a certificate, its chain and its key: that is what a
// node installs. Its password is random.
func (f *folderFiles) openPEM() (*x509.Certificate, *nodeapi.Certificate, error) {
	key := f.key
	if key == nil {
		key = f.data
	}
	switch {
	case bytes.Contains(key, []byte("ENCRYPTED")):
		return nil, nil, errors.New("its private key has a password, which works for PFX only: make a PFX of it, such as with 'openssl pkcs12 -export'")
	case f.password != "":
		return nil, nil, errors.New("a private key in PEM has no password")
	}
	pair, err := tls.X509KeyPair(f.data, key)
	if err != nil {
		return nil, nil, errors.New(pemReason(err))
	}
	bundle := &pfx.Bundle{Leaf: pair.Leaf, Key: pair.PrivateKey}
	for _, der := range pair.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, pfx.ErrDamaged
		}
		bundle.Chain = append(bundle.Chain, cert)
	}
	password := rand.Text()
	data, err := pfx.Encode(bundle, password)
	if err != nil {
		return nil, nil, err
	}
	return pair.Leaf, &nodeapi.Certificate{Format: batch.FormatPFX, Data: data, Password: batch.Password(password)}, nil
}

// pemReason is the text of an error without the name of its package.
func pemReason(err error) string {
	text := err.Error()
	for _, prefix := range []string{"tls: ", "x509: "} {
		if len(text) > len(prefix) && text[:len(prefix)] == prefix {
			text = text[len(prefix):]
		}
	}
	return text
}
