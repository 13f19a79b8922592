package local_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/cms"
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
	dir, err := os.MkdirTemp("", "poolcert-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // for other users
		t.Fatal(err)
	}
	s := &service{path: filepath.Join(dir, "agent.sock"), audit: make(chan local.Use, 1000)}
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
	l, err := localsock.Listen(s.path, localsock.Options{Mode: 0o666})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- local.NewServer(config).Serve(ctx, l) }()
	s.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
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

func seal(t testing.TB, content []byte, opts cms.Options, to ...*testcert.Pair) []byte {
	t.Helper()
	var certs []*x509.Certificate
	for _, p := range to {
		certs = append(certs, p.Cert)
	}
	var b bytes.Buffer
	w, err := cms.NewWriter(&b, certs, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
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

func TestDecrypts(t *testing.T) {
	a, b := testcert.RSA(t), testcert.RSA(t, testcert.Name("b"), testcert.Key("rsa3072"))
	s := serve(t, keyring{a, b})
	for operation, open := range ways {
		for name, message := range map[string][]byte{
			"gcm":   seal(t, []byte(secret), cms.Options{}, b),
			"cbc":   seal(t, []byte(secret), cms.Options{Compat: true}, b),
			"pem":   pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: seal(t, []byte(secret), cms.Options{}, b)}),
			"empty": seal(t, nil, cms.Options{}, b),
		} {
			got, err := open(t.Context(), s.client, message)
			want := secret
			if name == "empty" {
				want = ""
			}
			if err != nil || string(got) != want {
				t.Errorf("%s %s: got %d bytes, error %v", operation, name, len(got), err)
			}
			use := <-s.audit
			if use.Operation != operation || use.Result != "ok" || use.Thumbprint != b.Thumbprint() || use.Caller.UID != uint32(os.Getuid()) || use.Time.IsZero() {
				t.Errorf("%s %s: audit record %+v", operation, name, use)
			}
		}
	}
}

func TestLargeMessage(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	content := make([]byte, 60<<20)
	rand.Read(content)
	got, err := viaDecrypt(t.Context(), s.client, seal(t, content, cms.Options{}, a))
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("got %d bytes, error %v", len(got), err)
	}
}

func TestErrors(t *testing.T) {
	a, other := testcert.RSA(t), testcert.RSA(t, testcert.Name("other"), testcert.Key("rsa2048b"))
	s := serve(t, keyring{a})
	flipped := seal(t, []byte(secret), cms.Options{}, a)
	flipped[len(flipped)-20] ^= 1
	cut := seal(t, []byte(secret), cms.Options{}, a)
	for _, test := range []struct {
		name    string
		message []byte
		want    error
		code    string // of decrypt
	}{
		{"other recipient", seal(t, []byte(secret), cms.Options{}, other), cms.ErrNoRecipient, "no-recipient"},
		{"flipped bit", flipped, cms.ErrDecrypt, "decrypt-failed"},
		{"cut content", cut[:len(cut)-30], cms.ErrDecrypt, "decrypt-failed"},
		{"garbage", []byte("\x00garbage"), nil, "malformed"},
		{"cut header", cut[:20], nil, "malformed"},
		{"empty", nil, nil, "malformed"},
		{"jwe", []byte("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA"), nil, "unsupported"},
	} {
		_, err := viaUnwrap(t.Context(), s.client, test.message)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: unwrap: error %v, want %v", test.name, err, test.want)
		}
		got, err := viaDecrypt(t.Context(), s.client, test.message)
		var e *local.Error
		if !errors.As(err, &e) || e.Code != test.code || test.want != nil && !errors.Is(err, test.want) || len(got) > 0 {
			t.Errorf("%s: decrypt: error %#v, want %s", test.name, err, test.code)
		}
	}
	var none *cms.NoRecipientError
	if _, err := viaUnwrap(t.Context(), s.client, seal(t, nil, cms.Options{}, other)); !errors.As(err, &none) || len(none.Recipients) != 1 {
		t.Errorf("error %v does not say whom the message is for", err)
	}
}

func TestTooLarge(t *testing.T) {
	s := serve(t, keyring{testcert.RSA(t)})
	body := make([]byte, 65<<20)
	if _, err := viaDecrypt(t.Context(), s.client, body); !errors.Is(err, local.ErrTooLarge) {
		t.Errorf("client: error %v, want ErrTooLarge", err)
	}
	// Others send it all the same, with its length or without. This message is
	// well formed as far as it goes, so that the server reads on.
	copy(body, seal(t, make([]byte, 64<<20), cms.Options{}, testcert.RSA(t)))
	for name, r := range map[string]io.Reader{
		"length": bytes.NewReader(body), "chunked": io.MultiReader(bytes.NewReader(body)),
	} {
		resp, err := plainClient(s.path).Post("http://node/v1/decrypt", "", r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d, want 413", name, resp.StatusCode)
		}
	}
	if resp, err := plainClient(s.path).Post("http://node/v1/unwrap", "", bytes.NewReader(body)); err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("unwrap: %v, error %v", resp, err)
	}
}

// plainClient knows nothing of the service.
func plainClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", path)
		},
	}}
}

func TestPaths(t *testing.T) {
	s := serve(t, keyring{}, func(c *local.Config) {
		c.Ready = func() error { return errors.New("no certificates yet") }
	})
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/healthz", "", 200, "ok"},
		{"GET", "/readyz", "", 503, "no certificates yet"},
		{"GET", "/v1/certificates", "", 200, `{"certificates":[]}`},
		{"GET", "/v1/unwrap", "", 404, "not-found"},
		{"GET", "/", "", 404, "not-found"},
		{"POST", "/v1/unwrap", "garbage", 400, "malformed"},
		{"POST", "/v1/unwrap", "", 400, "malformed"},
	} {
		req, err := http.NewRequest(test.method, "http://node"+test.path, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := plainClient(s.path).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != test.status || !strings.Contains(string(body), test.want) || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: status %d, %s %s, want %d, %q", test.method, test.path, resp.StatusCode, resp.Header.Get("Content-Type"), body, test.status, test.want)
		}
	}
	if err := s.client.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.client.Ready(t.Context()); !errors.Is(err, local.ErrNotReady) {
		t.Errorf("Ready: error %v, want ErrNotReady", err)
	}
}

func TestExtra(t *testing.T) {
	s := serve(t, keyring{}, func(c *local.Config) {
		c.Extra = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller, err := localsock.FromContext(r.Context())
			fmt.Fprintf(w, "%s %d %v", r.URL.Path, caller.UID, err)
		})
	})
	resp, err := plainClient(s.path).Get("http://node/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if want := fmt.Sprintf("/v1/status %d <nil>", os.Getuid()); string(body) != want {
		t.Errorf("got %q, want %q", body, want)
	}
	if err := s.client.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCertificates(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	list, err := s.client.Certificates(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, error %v", list, err)
	}
	if got, want := list[0], (keyring{a}).Certificates()[0]; got.Thumbprint != want.Thumbprint || got.Subject != want.Subject ||
		!got.NotAfter.Equal(want.NotAfter) || len(got.Visibility) != 1 || got.Visibility[0] != batch.Task || !got.HasKey {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAuthorizeFails(t *testing.T) {
	a := testcert.RSA(t)
	for _, test := range []struct {
		err, want error
		text      string
	}{
		{&local.RefusedError{Reason: "because"}, local.ErrNotAllowed, "because"},
		{fmt.Errorf("%w: wait", local.ErrNotReady), local.ErrNotReady, "wait"},
	} {
		s := serve(t, nil, func(c *local.Config) {
			c.Authorize = func(context.Context, localsock.Caller) (local.Grant, error) { return nil, test.err }
		})
		_, errCerts := s.client.Certificates(t.Context())
		_, errUnwrap := viaUnwrap(t.Context(), s.client, seal(t, nil, cms.Options{}, a))
		_, errDecrypt := viaDecrypt(t.Context(), s.client, seal(t, nil, cms.Options{}, a))
		for _, err := range []error{errCerts, errUnwrap, errDecrypt} {
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		}
	}
}

// The cause of an internal failure is for the log, not for the caller.
func TestInternalErrorIsNotTold(t *testing.T) {
	var log bytes.Buffer
	s := serve(t, nil, func(c *local.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
		c.Audit = nil
		c.Authorize = func(context.Context, localsock.Caller) (local.Grant, error) { return nil, errors.New("private cause") }
	})
	_, err := s.client.Certificates(t.Context())
	if !errors.Is(err, local.ErrInternal) || strings.Contains(err.Error(), "private cause") {
		t.Errorf("error %v, want ErrInternal without its cause", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "private cause") {
		t.Errorf("log %q lacks the cause", log.String())
	}
}

// A caller whom the kernel does not know is refused.
func TestUnknownCaller(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	server := local.NewServer(local.Config{Authorize: func(context.Context, localsock.Caller) (local.Grant, error) {
		t.Error("Authorize was asked")
		return keyring{}, nil
	}})
	go func() { done <- server.Serve(ctx, l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/v1/certificates")
	if err != nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("got %v, error %v, want 403", resp, err)
	}
	resp.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestUnavailable(t *testing.T) {
	dir := t.TempDir()
	if err := local.Dial(filepath.Join(dir, "none")).Healthy(t.Context()); !errors.Is(err, local.ErrUnavailable) || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("no socket: error %v", err)
	}
	s := serve(t, keyring{})
	if err := s.client.Healthy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.client.Healthy(t.Context()); !errors.Is(err, local.ErrUnavailable) {
		t.Errorf("stopped: error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.client.Healthy(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, local.ErrUnavailable) {
		t.Errorf("canceled: error %v", err)
	}
}

// Package docs promise curl; it must be there to be tested.
func TestCurl(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	cmd := exec.Command("curl", "-sS", "-i", "--unix-socket", s.path, "--data-binary", "@-", "http://node/v1/decrypt")
	cmd.Stdin = bytes.NewReader(seal(t, []byte(secret), cms.Options{Compat: true}, a))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("curl: %v\n%s", err, out)
	}
	for _, want := range []string{"200 OK", "\r\n\r\n" + secret, "Poolcert-Authenticated: false", "Poolcert-Thumbprint: " + batch.Thumbprint(a.Thumbprint()).String()} {
		if !strings.Contains(string(out), want) {
			t.Errorf("answer lacks %q:\n%s", want, out)
		}
	}
}

// A caller that goes away in the middle is no failure of ours, and takes nothing
// from the others.
func TestCallerClosesEarly(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	message := seal(t, []byte(secret), cms.Options{}, a)
	for range 50 {
		conn, err := net.Dial("unix", s.path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /v1/decrypt HTTP/1.1\r\nHost: node\r\nContent-Length: %d\r\n\r\n%s", 60<<20, message[:len(message)-10])
		conn.Close()
		if use := <-s.audit; use.Result == "ok" || use.Result == "internal" {
			t.Errorf("audit record %+v", use)
		}
	}
	if got, err := viaDecrypt(t.Context(), s.client, message); err != nil || string(got) != secret {
		t.Errorf("got %q, error %v", got, err)
	}
}

func TestParallelCallers(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	message := seal(t, []byte(secret), cms.Options{}, a)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			client := local.Dial(s.path)
			defer client.Close()
			open := viaUnwrap
			if i%2 == 0 {
				open = viaDecrypt
			}
			for range 3 {
				if got, err := open(t.Context(), client, message); err != nil || string(got) != secret {
					t.Errorf("got %q, error %v", got, err)
				}
			}
		})
	}
	wg.Wait()
	if uses, _ := s.told(); len(uses) != 300 {
		t.Errorf("%d audit records, want 300", len(uses))
	}
}

// A request that runs when the server stops gets its answer.
func TestStopIsGraceful(t *testing.T) {
	a := testcert.RSA(t)
	asked, answer := make(chan bool), make(chan bool)
	s := serve(t, nil, func(c *local.Config) {
		c.Authorize = func(context.Context, localsock.Caller) (local.Grant, error) {
			asked <- true
			<-answer
			return keyring{a}, nil
		}
	})
	result := make(chan error)
	go func() {
		_, err := viaDecrypt(t.Context(), s.client, seal(t, nil, cms.Options{}, a))
		result <- err
	}()
	<-asked
	stopped := make(chan error)
	go func() { stopped <- s.stop() }()
	// The socket vanishes first.
	for {
		if _, err := os.Lstat(s.path); err != nil {
			break
		}
	}
	close(answer)
	if err := <-result; err != nil {
		t.Errorf("the running request: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

const callPath = "POOLCERT_TEST_CALL"

// TestCallOnly is not a test of its own: other users run it to call the service.
func TestCallOnly(t *testing.T) {
	path := os.Getenv(callPath)
	if path == "" {
		return
	}
	message, err := io.ReadAll(os.Stdin)
	if err != nil {
		t.Fatal(err)
	}
	got, err := viaUnwrap(context.Background(), local.Dial(path), message)
	switch {
	case errors.Is(err, local.ErrNotAllowed):
		fmt.Print("not allowed")
	case errors.Is(err, cms.ErrNoRecipient):
		fmt.Print("no recipient")
	case err != nil:
		fmt.Print(err)
	default:
		os.Stdout.Write(got)
	}
	os.Exit(0)
}

// Real users: one of the group, one who may use something else, one of neither.
func TestUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become others")
	}
	const group, otherGroup = 54_340, 54_341
	a := testcert.RSA(t)
	s := serve(t, nil, func(c *local.Config) {
		c.Authorize = func(_ context.Context, c localsock.Caller) (local.Grant, error) {
			switch {
			case c.InGroup(group):
				return keyring{a}, nil
			case c.InGroup(otherGroup):
				return keyring{}, nil
			}
			return nil, &local.RefusedError{Reason: "in no group"}
		}
	})
	for _, test := range []struct {
		cred syscall.Credential
		want string
	}{
		{syscall.Credential{Uid: 54_321, Gid: 54_321, Groups: []uint32{group}}, secret},
		{syscall.Credential{Uid: 54_321, Gid: group}, secret},
		{syscall.Credential{Uid: 54_322, Gid: 54_322, Groups: []uint32{otherGroup}}, "no recipient"},
		{syscall.Credential{Uid: 54_322, Gid: 54_322}, "not allowed"},
	} {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestCallOnly$")
		cmd.Env = []string{callPath + "=" + s.path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &test.cred}
		cmd.Stdin = bytes.NewReader(seal(t, []byte(secret), cms.Options{}, a))
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil || string(out) != test.want {
			t.Errorf("%+v: got %q, error %v, want %q", test.cred, out, err, test.want)
		}
		if use := <-s.audit; use.Caller.UID != test.cred.Uid || (use.Result == "ok") != (test.want == secret) {
			t.Errorf("%+v: audit record %+v", test.cred, use)
		}
	}
	if _, log := s.told(); !strings.Contains(log, "caller refused") || !strings.Contains(log, "in no group") {
		t.Errorf("the refusal is not in the log:\n%s", log)
	}
}
