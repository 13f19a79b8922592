package local_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/testcert"
)

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
		{"JWE of a shared key", []byte("eyJhbGciOiJBMjU2S1ciLCJlbmMiOiJBMjU2R0NNIn0.AA.AA.AA.AA"), nil, "unsupported"},
		{"JWE of another size", []byte("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA"), cms.ErrNoRecipient, "no-recipient"},
		{"JWE for another", sealJWE(t, []byte(secret), other), cms.ErrNoRecipient, "no-recipient"},
		{"cut JWE", sealJWE(t, []byte(secret), a)[:400], nil, "malformed"},
		{"RSA block of another size", []byte(base64.StdEncoding.EncodeToString(make([]byte, 512))), cms.ErrNoRecipient, "no-recipient"},
		{"RSA block for another", sealRSA(t, []byte(secret), other), cms.ErrDecrypt, "decrypt-failed"},
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

// What unwrap takes goes by its Content-Type, and each is checked.
func TestUnwrapTypes(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	jweKey := `{"enc":"A256GCM","recipients":[{"alg":"RSA-OAEP","encryptedKey":"` + base64.StdEncoding.EncodeToString(make([]byte, 256)) + `"}]}`
	rsaBlock := `{"padding":"pkcs1v15","ciphertext":"` + string(sealRSA(t, []byte(secret), a)) + `"}`
	for _, test := range []struct {
		mediaType, body string
		status          int
		want            string
	}{
		{"application/vnd.poolcert.jwe-key+json", jweKey, 200, `{"contentEncryptionKeys":["`},
		{"application/vnd.poolcert.jwe-key+json; charset=utf-8", jweKey, 200, `{"contentEncryptionKeys":["`},
		{"application/vnd.poolcert.jwe-key+json", rsaBlock, 400, "unsupported"},
		{"application/vnd.poolcert.jwe-key+json", "{", 400, "malformed"},
		{"application/vnd.poolcert.jwe-key+json", strings.Replace(jweKey, "RSA-OAEP", "dir", 1), 400, "unsupported"},
		{"application/vnd.poolcert.rsa-block+json", rsaBlock, 200, base64.StdEncoding.EncodeToString([]byte(secret))},
		{"application/vnd.poolcert.rsa-block+json", strings.Replace(rsaBlock, "pkcs1v15", "oaep", 1), 422, "decrypt-failed"},
		{"application/vnd.poolcert.rsa-block+json", strings.Replace(rsaBlock, "pkcs1v15", "none", 1), 400, "unsupported"},
		{"application/vnd.poolcert.rsa-block+json", `{"ciphertext":"AAAA"}`, 404, "no-recipient"},
		{"application/vnd.poolcert.rsa-block+json", strings.Repeat(" ", 10_000), 413, "too-large"},
		{"application/json", rsaBlock, 400, "malformed"},
		{"", jweKey, 400, "malformed"},
	} {
		resp, err := plainClient(s.path).Post("http://node/v1/unwrap", test.mediaType, strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != test.status || !strings.Contains(string(body), test.want) {
			t.Errorf("%s %.60s: status %d, %s, want %d, %q", test.mediaType, test.body, resp.StatusCode, body, test.status, test.want)
		}
		if use := <-s.audit; (use.Result == "ok") != (test.status == 200) || test.status == 422 && use.Thumbprint != a.Thumbprint() {
			t.Errorf("%s %.60s: audit record %+v", test.mediaType, test.body, use)
		}
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

func TestUnavailable(t *testing.T) {
	if err := local.Dial(newPath(t)).Healthy(t.Context()); !errors.Is(err, local.ErrUnavailable) || !strings.Contains(err.Error(), "no socket") {
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

// A kept connection to a service that was restarted is no error.
func TestServiceRestarts(t *testing.T) {
	a := testcert.RSA(t)
	s := serve(t, keyring{a})
	message := seal(t, []byte(secret), cms.Options{}, a)
	for range 3 {
		for range 3 {
			if got, err := viaUnwrap(t.Context(), s.client, message); err != nil || string(got) != secret {
				t.Fatalf("got %q, error %v", got, err)
			}
		}
		s.restart(t)
	}
}
