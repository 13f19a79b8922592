package decrypt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"poolcert/internal/corpus"
)

func TestInspect(t *testing.T) {
	for name, test := range map[string]struct {
		message []byte
		want    string // JSON
	}{
		"authenticated": {seal(t, []byte("the secret"), true), `{"form":"der","type":"AuthEnvelopedData","contentAlgorithm":"AES-256-GCM","authenticated":true,"size":10,` +
			`"recipients":[{"kind":"key transport","algorithm":"RSAES-OAEP with SHA-256","issuer":"CN=alice","serialNumber":"1"}]}`},
		"not authenticated": {seal(t, []byte("the secret"), false), `{"form":"der","type":"EnvelopedData","contentAlgorithm":"AES-256-CBC","authenticated":false,"size":16,` +
			`"recipients":[{"kind":"key transport","algorithm":"RSA PKCS #1 v1.5","issuer":"CN=alice","serialNumber":"1"}]}`},
		"in pieces": {seal(t, large, true), `{"form":"der","type":"AuthEnvelopedData","contentAlgorithm":"AES-256-GCM","authenticated":true,` +
			`"recipients":[{"kind":"key transport","algorithm":"RSAES-OAEP with SHA-256","issuer":"CN=alice","serialNumber":"1"}]}`},
		"raw RSA": {[]byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 256))), `{"form":"raw-rsa","type":"RSA block","authenticated":false,"size":256,` +
			`"recipients":[{"kind":"key transport","algorithm":"RSA of 2048 bits"}]}`},
	} {
		info, err := Inspect(bytes.NewReader(test.message))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := json.Marshal(info); err != nil || string(got) != test.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", name, got, err, test.want)
		}
	}
	info, err := Inspect(bytes.NewReader(sealJWE(t, []byte("the secret"))))
	if err != nil || info.Form != "jwe" || info.Type != "JWE compact" || info.ContentAlgorithm != "A256GCM" || !info.Authenticated || *info.Size != 10 ||
		len(info.Recipients) != 1 || info.Recipients[0].Algorithm != "RSA-OAEP-256" || len(info.Recipients[0].KeyID) != 40 || len(info.Recipients[0].SHA256) != 64 {
		t.Errorf("JWE: %+v, %v", info, err)
	}
	for _, text := range []string{"", "hunter2", `{"protected":"x"}`, "MIIB"} {
		if _, err := Inspect(strings.NewReader(text)); err == nil {
			t.Errorf("%q: no error", text)
		} else {
			checkErrorType(t, err)
		}
	}
	broken := errors.New("broken disk")
	if _, err := Inspect(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("%v, want the error of the reader", err)
	}
}

// Inspect and Decrypt agree on what is a message.
func TestInspectCorpus(t *testing.T) {
	c := corpus.Load(t)
	for _, e := range c.Entries {
		if e.Kind == "p12" || e.Expect != "ok" || e.Form == "binary" {
			continue
		}
		message := c.Read(t, e)
		info, err := Inspect(bytes.NewReader(message))
		if err != nil {
			t.Errorf("%s: %v", e.File, err)
			continue
		}
		id := new(identity)
		id.cert, id.key = c.Key(t, e)
		res, err := Decrypt(t.Context(), io.Discard, bytes.NewReader(message), Keys(id), optionsFor(t, e))
		if err != nil || res.Form.String() != info.Form || res.Authenticated != info.Authenticated || len(info.Recipients) == 0 {
			t.Errorf("%s: %+v, but decrypted %+v, %v", e.File, info, res, err)
		}
	}
}
