package local_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/testcert"
)

// While the service is restarted, callers notice nothing but a pause.
func TestRestartsUnderLoad(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	message := seal(t, []byte(secret), cms.Options{}, a)
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	var calls atomic.Int32
	for range 20 {
		client := local.Dial(s.path)
		callers.Go(func() {
			defer client.Close()
			for ctx.Err() == nil {
				got, err := viaUnwrap(t.Context(), client, message)
				if err != nil || string(got) != secret {
					t.Errorf("got %q, error %v", got, err)
					return
				}
				if calls.Add(1)%10 == 0 { // and connections that are new
					client.Close()
				}
				select { // the test's record of uses is not to fill
				case <-s.audit:
				default:
				}
			}
		})
	}
	for range 5 {
		for before := calls.Load(); calls.Load() < before+100 && !t.Failed(); {
			<-time.After(time.Millisecond)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		<-time.After(100 * time.Millisecond) // nobody is there
		s.start(t)
	}
	stop()
	callers.Wait()
}

// Five hundred callers of one user, more than it may have connections, are all
// served: they wait.
func TestManyCallers(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	message := seal(t, []byte(secret), cms.Options{}, a)
	go func() {
		for range s.audit {
		}
	}()
	defer func() { s.stop(); close(s.audit) }()
	var callers sync.WaitGroup
	for range 500 {
		callers.Go(func() {
			client := local.Dial(s.path)
			defer client.Close()
			if got, err := viaUnwrap(t.Context(), client, message); err != nil || string(got) != secret {
				t.Errorf("got %q, error %v", got, err)
			}
		})
	}
	callers.Wait()
}

// A caller that does not read its answer holds up nobody.
func TestSlowReaders(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	large := seal(t, make([]byte, 2<<20), cms.Options{}, a)
	for range 10 {
		conn, err := plainDial(s.path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST /v1/decrypt HTTP/1.1\r\nHost: node\r\nContent-Length: %d\r\n\r\n%s", len(large), large); err != nil {
			t.Fatal(err)
		}
		<-s.audit // the answer is being written
	}
	begin := time.Now()
	got, err := viaDecrypt(t.Context(), s.client, seal(t, []byte(secret), cms.Options{}, a))
	if err != nil || string(got) != secret || time.Since(begin) > 5*time.Second {
		t.Errorf("another caller: got %q after %v, error %v", got, time.Since(begin), err)
	}
}

// A body that is too long is refused before it is read, and garbage of any kind gets
// one clear answer.
func TestBodies(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	large := io.LimitReader(zeros{}, 65<<20)
	for name, test := range map[string]struct {
		body   io.Reader
		length int64
		status int
		code   string
	}{
		"65 MiB":             {large, 65 << 20, http.StatusRequestEntityTooLarge, "too-large"},
		"65 MiB, in chunks":  {io.LimitReader(garbage{}, 65<<20), -1, http.StatusBadRequest, "malformed"},
		"empty":              {strings.NewReader(""), 0, http.StatusBadRequest, "malformed"},
		"zeros":              {bytes.NewReader(make([]byte, 1000)), 1000, http.StatusBadRequest, "malformed"},
		"DER that has a lie": {strings.NewReader("\x30\x84\xff\xff\xff\xff\x06\x09"), 8, http.StatusBadRequest, "malformed"},
	} {
		req, err := http.NewRequest("POST", "http://node/v1/decrypt", test.body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = test.length
		resp, err := plainClient(s.path).Do(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != test.status || !strings.Contains(string(body), `"code":"`+test.code+`"`) {
			t.Errorf("%s: status %d, %s, want %d, %s", name, resp.StatusCode, body, test.status, test.code)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type garbage struct{}

func (garbage) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '#'
	}
	return len(p), nil
}
