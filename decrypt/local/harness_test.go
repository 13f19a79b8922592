package local_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/decrypt/jwe"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/testcert"
)

const secret = "the plaintext that no log may hold"

// keyring grants all that is in it.
type keyring []*testcert.Pair

func (k keyring) PrivateKey(ctx context.Context, match func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	for _, p := range k {
		if match(p.Cert) {
			return p.Cert, p.Key, nil
		}
	}
	return nil, nil, cms.ErrNoRecipient
}

func (k keyring) Certificates() []local.Certificate {
	var list []local.Certificate
	for _, p := range k {
		list = append(list, local.Certificate{
			Thumbprint: p.Thumbprint(),
			Subject:    p.Cert.Subject.String(),
			NotAfter:   p.Cert.NotAfter,
			Visibility: []batch.Visibility{batch.Task},
			HasKey:     true,
		})
	}
	return list
}

// A service is a running server with what it told.
type service struct {
	path   string
	config local.Config
	client *local.Client
	stop   func() error // stops and waits

	mu    sync.Mutex
	uses  []local.Use
	log   bytes.Buffer
	audit chan local.Use
}

func (s *service) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *service) told() ([]local.Use, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uses, s.log.String()
}

// serve starts a server with the given authorization, or one that grants all of
// keys to anyone.
func serve(t *testing.T, keys keyring, change ...func(*local.Config)) *service {
	t.Helper()
	s := &service{path: newPath(t), audit: make(chan local.Use, 1000)}
	config := local.Config{
		Authorize: func(context.Context, localsock.Caller) (local.Grant, error) { return keys, nil },
		Log:       slog.New(slog.NewTextHandler(s, nil)),
	}
	config.Audit = func(u local.Use) {
		config.Log.Info("certificate used", "use", u)
		s.mu.Lock()
		s.uses = append(s.uses, u)
		s.mu.Unlock()
		s.audit <- u
	}
	for _, c := range change {
		c(&config)
	}
	s.config = config
	s.start(t)
	s.client = local.Dial(s.path)
	t.Cleanup(func() {
		s.client.Close()
		if err := s.stop(); err != nil {
			t.Errorf("Serve: %v", err)
		}
		if _, log := s.told(); strings.Contains(log, secret) || strings.Contains(log, "level=ERROR") {
			t.Errorf("log:\n%s", log)
		}
	})
	return s
}

func (s *service) start(t *testing.T) {
	t.Helper()
	l, err := localsock.Listen(s.path, localsock.Options{Mode: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- local.NewServer(s.config).Serve(ctx, l) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
}

func (s *service) restart(t *testing.T) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s.start(t)
}

func seal(t testing.TB, content []byte, opts cms.Options, to ...*testcert.Pair) []byte {
	t.Helper()
	return cmstest.Seal(t, content, opts, certificatesOf(to)...)
}

func certificatesOf(pairs []*testcert.Pair) (certs []*x509.Certificate) {
	for _, p := range pairs {
		certs = append(certs, p.Cert)
	}
	return certs
}

func sealJWE(t testing.TB, content []byte, to ...*testcert.Pair) []byte {
	t.Helper()
	message, err := jwe.Encrypt(certificatesOf(to), content)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// sealRSA makes the base64 of a raw block.
func sealRSA(t testing.TB, content []byte, to *testcert.Pair) []byte {
	t.Helper()
	//lint:ignore SA1019 the blocks that people have use it
	block, err := rsa.EncryptPKCS1v15(rand.Reader, to.Key.Public().(*rsa.PublicKey), content)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(block))
}

// viaUnwrap decrypts as tasks do.
func viaUnwrap(ctx context.Context, c *local.Client, message []byte) ([]byte, error) {
	var out bytes.Buffer
	_, err := decrypt.Decrypt(ctx, &out, bytes.NewReader(message), c, decrypt.Options{})
	return out.Bytes(), err
}

func viaDecrypt(ctx context.Context, c *local.Client, message []byte) ([]byte, error) {
	return c.Decrypt(ctx, bytes.NewReader(message))
}

var ways = map[string]func(context.Context, *local.Client, []byte) ([]byte, error){
	"unwrap": viaUnwrap, "decrypt": viaDecrypt,
}

// plainClient knows nothing of the service.
func plainClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return plainDial(path)
		},
	}}
}
