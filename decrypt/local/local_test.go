package local_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/testcert"
)

func TestDecrypts(t *testing.T) {
	a, b := testcert.RSA(t), testcert.RSA(t, testcert.Name("b"), testcert.Key("rsa3072"))
	s := serve(t, keyring{a, b})
	forms := map[string]string{"gcm": "cms", "cbc": "cms", "pem": "cms", "empty": "cms", "jwe": "jwe", "raw": "rsa"}
	for operation, open := range ways {
		for name, message := range map[string][]byte{
			"gcm":   seal(t, []byte(secret), cms.Options{}, b),
			"cbc":   seal(t, []byte(secret), cms.Options{Compat: true}, b),
			"pem":   pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: seal(t, []byte(secret), cms.Options{}, b)}),
			"empty": seal(t, nil, cms.Options{}, b),
			"jwe":   sealJWE(t, []byte(secret), b),
			"raw":   sealRSA(t, []byte(secret), b),
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
			if use.Operation != operation || use.Result != "ok" || use.Thumbprint != b.Thumbprint() || !use.Caller.IsTrusted() || use.Time.IsZero() ||
				use.Form != forms[name] || use.Caller.Process.Executable == "" {
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
			fmt.Fprintf(w, "%s %v %v", r.URL.Path, caller.IsTrusted(), err)
		})
	})
	resp, err := plainClient(s.path).Get("http://node/v1/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if want := "/v1/status true <nil>"; string(body) != want {
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

// A caller that goes away in the middle is no failure of ours, and takes nothing
// from the others.
func TestCallerClosesEarly(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	message := seal(t, []byte(secret), cms.Options{}, a)
	for range 50 {
		conn, err := plainDial(s.path)
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
	for !isGone(s.path) {
	}
	close(answer)
	if err := <-result; err != nil {
		t.Errorf("the running request: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
