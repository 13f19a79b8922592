package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseThumbprint(t *testing.T) {
	const want = "c1e494a415149c5f211c4778b52f2e834a07247c"
	for _, text := range []string{
		want, strings.ToUpper(want),
		"c1 e4 94 a4 15 14 9c 5f 21 1c 47 78 b5 2f 2e 83 4a 07 24 7c",
		"C1:E4:94:A4:15:14:9C:5F:21:1C:47:78:B5:2F:2E:83:4A:07:24:7C",
		"\u200ec1e494a415149c5f211c4778b52f2e834a07247c",
	} {
		got, err := ParseThumbprint(text)
		if err != nil || got.String() != want {
			t.Errorf("ParseThumbprint(%q) = %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "c1", want + "00", want[:39] + "g", strings.Repeat("x", 4000)} {
		_, err := ParseThumbprint(text)
		if !errors.Is(err, ErrThumbprint) {
			t.Errorf("ParseThumbprint(%q): got error %v, want ErrThumbprint", clip(text, 50), err)
		} else if len(err.Error()) > 200 {
			t.Errorf("the error repeats %d bytes of outside text", len(err.Error()))
		}
	}
}

func TestTimeWireForm(t *testing.T) {
	for in, want := range map[string]string{
		"2024-05-01T10:01:00.123456789Z": `"2024-05-01T10:01:00.1234567Z"`,
		"2024-05-01T10:00:00.12Z":        `"2024-05-01T10:00:00.12Z"`,
		"2024-05-01T12:00:00+02:00":      `"2024-05-01T10:00:00Z"`,
	} {
		var v Time
		if err := v.UnmarshalText([]byte(in)); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(v)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v; want %s", in, got, err, want)
		}
		var back Time
		if err := json.Unmarshal(got, &back); err != nil || !back.Equal(v.Time) {
			t.Errorf("%s: read back as %v, %v", in, back, err)
		}
	}
	var v Time
	if err := json.Unmarshal([]byte(`17`), &v); err == nil {
		t.Error("a number parsed as a time")
	}
}

func TestReferenceDefaults(t *testing.T) {
	var r CertificateReference
	err := json.Unmarshal([]byte(`{"thumbprint":"C1E494A415149C5F211C4778B52F2E834A07247C","thumbprintAlgorithm":"sha1","storeLocation":"LocalMachine","visibility":["remoteUser","startTask","STARTTASK"]}`), &r)
	if err != nil {
		t.Fatal(err)
	}
	r = r.WithDefaults()
	if r.StoreLocation != LocalMachine || r.StoreName != "My" {
		t.Errorf("store %s\\%s, want localmachine\\My", r.StoreLocation, r.StoreName)
	}
	if diff := cmp.Diff([]Visibility{StartTask, RemoteUser}, r.Visibility); diff != "" {
		t.Error(diff)
	}
	if all := (CertificateReference{}).WithDefaults().Visibility; len(all) != 3 {
		t.Errorf("no visibility given: %v, want all three", all)
	}
	err = json.Unmarshal([]byte(`{"visibility":["everybody"]}`), &r)
	if !errors.Is(err, ErrEnum) {
		t.Errorf("unknown visibility: got %v, want ErrEnum", err)
	}
}

func TestPoolKeepsUnknownProperties(t *testing.T) {
	const in = `{"id":"p","vmSize":"standard_d2","certificateReferences":[{"thumbprint":"c1e494a415149c5f211c4778b52f2e834a07247c","thumbprintAlgorithm":"sha1"}],"startTask":{"commandLine":"x","n":9007199254740993}}`
	var p Pool
	if err := json.Unmarshal([]byte(in), &p); err != nil {
		t.Fatal(err)
	}
	if p.ID != "p" || len(p.CertificateReferences) != 1 || len(p.Properties) != 2 {
		t.Errorf("got %+v", p)
	}
	out, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"vmSize":"standard_d2"`, `"n":9007199254740993`, `"id":"p"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is missing %s", out, want)
		}
	}
	// A property must not stand in for a field.
	p.Properties["id"] = json.RawMessage(`"other"`)
	if out, err := json.Marshal(p); err != nil || !strings.Contains(string(out), `"id":"p"`) {
		t.Errorf("got %s, %v", out, err)
	}
}

func TestSecretsHide(t *testing.T) {
	const secret = "s3cret-value"
	add := AddCertificate{Password: secret}
	cred := Credentials{Account: "a", Key: Key(secret)}
	var logged strings.Builder
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "pw", add.Password, "key", cred.Key)
	for _, text := range []string{
		fmt.Sprint(add), fmt.Sprintf("%+v %#v %s %q", add, add, add.Password, add.Password),
		fmt.Sprintf("%v %+v %#v %x", cred, cred, cred, cred.Key), logged.String(),
	} {
		if strings.Contains(text, secret) || strings.Contains(text, "7333637265742d") {
			t.Errorf("%s shows the secret", text)
		}
	}
}

func TestErrorBodyRoundTrip(t *testing.T) {
	e := NewError(CodeInvalidPropertyValue, "The value is wrong.", "PropertyName", "data", "Reason", "Not base64")
	body := e.Body("https://h", "rid", TimeOf(time.Unix(0, 0)))
	for _, want := range []string{
		`"odata.metadata":"https://h/$metadata#Microsoft.Azure.Batch.Protocol.Entities.Container.errors/@Element"`,
		`"value":"The value is wrong.\nRequestId:rid\nTime:1970-01-01T00:00:00.0000000Z"`, `{"key":"PropertyName","value":"data"}`,
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("%s is missing %s", body, want)
		}
	}
	got := ParseError(400, body)
	want := &Error{Code: e.Code, Status: 400, Message: e.Message, Values: e.Values, RequestID: "rid"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !errors.Is(got, &Error{Code: CodeInvalidPropertyValue}) || errors.Is(got, &Error{Code: CodePoolExists}) {
		t.Error("errors.Is does not compare codes")
	}
	if text := got.Error(); text != "The value is wrong: Not base64 (InvalidPropertyValue)" {
		t.Errorf("Error() = %q", text)
	}
	if proxy := ParseError(502, []byte("<html>")); proxy.Status != 502 || !strings.Contains(proxy.Error(), "502") {
		t.Errorf("a proxy's page: %v", proxy)
	}
}

func TestClientPages(t *testing.T) {
	key := Key("0123456789abcdef")
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, sig, err := ParseAuthorization(r.Header.Get("Authorization"))
		if err != nil || account != "acct" || !Verify(r, account, sig, nil, key) {
			t.Errorf("%s %s: the signature does not hold", r.Method, r.URL)
		}
		tp := func(n int) string { return fmt.Sprintf(`{"thumbprint":"%040x","thumbprintAlgorithm":"sha1"}`, n) }
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			if got := r.URL.Query().Get("$filter"); got != "state eq 'active'" {
				t.Errorf("filter %q", got)
			}
			fmt.Fprintf(w, `{"value":[%s,%s],"odata.nextLink":"%s/certificates?$skiptoken=a+b&api-version=1"}`, tp(1), tp(2), server.URL)
		case "a b":
			fmt.Fprintf(w, `{"value":[%s],"odata.nextLink":"https://elsewhere.example/certificates"}`, tp(3))
		}
	}))
	defer server.Close()
	c := &Client{Endpoint: server.URL + "/", Credentials: Credentials{"acct", key}}
	var got int
	var last error
	for cert, err := range c.Certificates(t.Context(), ListOptions{Filter: "state eq 'active'"}) {
		if last = err; err == nil {
			got++
			if int(cert.Thumbprint[19]) != got {
				t.Errorf("element %d is %s", got, cert.Thumbprint)
			}
		}
	}
	if got != 3 || last == nil || !strings.Contains(last.Error(), "another server") {
		t.Errorf("got %d elements and error %v; want 3 and a refusal to follow the link", got, last)
	}
}

func TestClientSendsBodies(t *testing.T) {
	key := Key("0123456789abcdef")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account, sig, err := ParseAuthorization(r.Header.Get("Authorization"))
		if err != nil || !Verify(r, account, sig, key) {
			t.Errorf("%s %s: the signature does not hold", r.Method, r.URL)
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"id":%q}`, r.Method+r.URL.Path+string(body))
	}))
	defer server.Close()
	c := &Client{Endpoint: server.URL, Credentials: Credentials{"acct", key}}
	ctx := t.Context()
	for name, err := range map[string]error{
		"add":    c.AddCertificate(ctx, &AddCertificate{}),
		"delete": c.DeleteCertificate(ctx, Thumbprint{}),
		"cancel": c.CancelDeletion(ctx, Thumbprint{}),
		"pool":   c.AddPool(ctx, &Pool{ID: "p"}),
		"patch":  c.PatchPool(ctx, "p", PatchPool{}, `"etag"`),
		"remove": c.RemoveNodes(ctx, "p", "n"),
		"revoke": c.RevokeJoinToken(ctx, "p", "t"),
		"name":   c.SetCurrent(ctx, "storage-key", SetCurrent{}),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
