package local_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/testcert"
)

// One user cannot try altered blocks until one opens.
func TestFailuresAreLimited(t *testing.T) {
	a := testcert.RSA(t)
	message, raw := seal(t, []byte(secret), cms.Options{}, a), sealRSA(t, []byte(secret), a)
	block := make([]byte, 256)
	for name, try := range map[string]func(s *service, i int) error{
		"unwrap": func(s *service, i int) error {
			block[255] = byte(i)
			_, err := viaUnwrap(t.Context(), s.client, []byte(base64.StdEncoding.EncodeToString(block)))
			return err
		},
		"decrypt": func(s *service, i int) error {
			block[255] = byte(i)
			_, err := viaDecrypt(t.Context(), s.client, []byte(base64.StdEncoding.EncodeToString(block)))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, keyring{a})
			var failed, refused int
			for i := range 100 {
				switch err := try(s, i); {
				case errors.Is(err, local.ErrTooManyFailures):
					refused++
				case errors.Is(err, cms.ErrDecrypt):
					failed++
				default:
					t.Fatalf("error %v", err)
				}
			}
			// Time gives some back, on a slow machine.
			if failed < 30 || failed > 40 || refused == 0 {
				t.Errorf("%d failed, %d were refused, want 30, 70", failed, refused)
			}
			for i := 0; !errors.Is(try(s, i), local.ErrTooManyFailures); i++ {
			}
			resp, err := plainClient(s.path).Post("http://node/v1/decrypt", "", bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if resp.StatusCode != http.StatusTooManyRequests || err != nil || seconds < 1 || seconds > 60 || !strings.Contains(string(body), "too-many-failures") {
				t.Errorf("status %d, Retry-After %q, %s", resp.StatusCode, resp.Header.Get("Retry-After"), body)
			}
			// What tells nothing has its own count.
			if got, err := viaUnwrap(t.Context(), s.client, message); err != nil || string(got) != secret {
				t.Errorf("another kind of message: got %q, error %v", got, err)
			}
			uses, log := s.told()
			told := 0
			for _, use := range uses {
				if use.Result == "too-many-failures" {
					told++
				}
			}
			if n := strings.Count(log, "too many failures"); told != 1 || n != 1 {
				t.Errorf("the refusals are told %d times, and %d times in the log, want 1", told, n)
			}
		})
	}
}

// So are messages that do not open, and those for others.
func TestFailedMessagesAreLimited(t *testing.T) {
	a, b := testcert.RSA(t), testcert.RSA(t, testcert.Name("other"), testcert.Key("rsa2048b"))
	altered := seal(t, []byte(secret), cms.Options{Compat: true}, a)
	altered[len(altered)-20] ^= 1
	for name, test := range map[string]struct {
		message     []byte
		err         error
		least, most int
	}{
		"CMS with PKCS #1 v1.5": {altered, cms.ErrDecrypt, 30, 40},
		"for others":            {seal(t, nil, cms.Options{}, b), cms.ErrNoRecipient, 300, 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, keyring{a})
			for i := 0; ; i++ {
				_, err := viaDecrypt(t.Context(), s.client, test.message)
				if errors.Is(err, local.ErrTooManyFailures) && i >= test.least {
					break
				}
				if !errors.Is(err, test.err) || i > test.most {
					t.Fatalf("try %d: error %v", i, err)
				}
				<-s.audit
			}
		})
	}
}

// Who is refused cannot fill the log.
func TestRefusalsAreToldOnce(t *testing.T) {
	s := serve(t, nil, func(c *local.Config) {
		c.Authorize = func(context.Context, localsock.Caller) (local.Grant, error) {
			return nil, &local.RefusedError{Reason: "in no group"}
		}
	})
	for range 200 {
		if _, err := s.client.Certificates(t.Context()); !errors.Is(err, local.ErrNotAllowed) {
			t.Fatalf("error %v, want ErrNotAllowed", err)
		}
		if _, err := viaDecrypt(t.Context(), s.client, []byte("x")); !errors.Is(err, local.ErrNotAllowed) {
			t.Fatalf("error %v, want ErrNotAllowed", err)
		}
	}
	if uses, log := s.told(); strings.Count(log, "caller refused") != 1 || len(uses) > 1 {
		t.Errorf("%d audit records, log:\n%s", len(uses), log)
	}
}
