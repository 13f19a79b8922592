package rest_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"poolcert/account"
	"poolcert/account/db"
	"poolcert/account/rest"
	"poolcert/batch"
	"poolcert/internal/testcert"
)

// Each file in testdata is a story: requests on an account that begins empty, and
// the answers that are to come. testdata/README says how they are written.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories found: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			newStory(t, string(archive.Comment)).tell(archive.Files)
		})
	}
}

const password = "correct horse"

// A story talks to a service of its own.
type story struct {
	t       *testing.T
	address string
	clients map[string]batch.Credentials // by the word after "!as"
	vars    map[string]string
}

var windowLine = regexp.MustCompile(`(?m)^window (\S+)$`)

func newStory(t *testing.T, comment string) *story {
	t.Helper()
	window := time.Hour
	if m := windowLine.FindStringSubmatch(comment); m != nil {
		var err error
		if window, err = time.ParseDuration(m[1]); err != nil {
			t.Fatal(err)
		}
	}
	service := newTestService(t, window)
	srv := httptest.NewServer(rest.New(rest.Config{Service: service, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}))
	t.Cleanup(srv.Close)

	s := &story{t: t, address: srv.Listener.Addr().String(), clients: map[string]batch.Credentials{}}
	for _, name := range []string{"acct", "other"} {
		primary, secondary, err := service.CreateAccount(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		s.clients[name] = batch.Credentials{Account: name, Key: primary}
		s.clients[name+"-secondary"] = batch.Credentials{Account: name, Key: secondary}
	}
	s.clients["nobody"] = batch.Credentials{Account: "nobody", Key: make(batch.Key, 64)}
	s.clients["impostor"] = batch.Credentials{Account: "acct", Key: s.clients["other"].Key}

	a := testcert.RSA(t, testcert.Name("a"))
	b := testcert.RSA(t, testcert.Name("b"), testcert.Key("rsa2048b"))
	ec := testcert.ECDSA(t, testcert.Name("c"))
	encode := base64.StdEncoding.EncodeToString
	s.vars = map[string]string{
		"base": srv.URL, "v": "api-version=2020-09-01.12.0", "password": password,
		"json": "application/json; odata=minimalmetadata; charset=utf-8",
		"a":    a.Thumbprint().String(), "a.pfx": encode(a.PFX(password)), "a.cer": encode(a.Cert.Raw),
		"A": strings.ToUpper(a.Thumbprint().String()),
		"b": b.Thumbprint().String(), "b.pfx": encode(b.PFX(password)), "b.cer": encode(b.Cert.Raw),
		"c": ec.Thumbprint().String(), "c.cer": encode(ec.Cert.Raw),
		"key.a": "(thumbprintAlgorithm=sha1,thumbprint=" + a.Thumbprint().String() + ")",
		"key.b": "(thumbprintAlgorithm=sha1,thumbprint=" + b.Thumbprint().String() + ")",
		"key.c": "(thumbprintAlgorithm=sha1,thumbprint=" + ec.Thumbprint().String() + ")",
	}
	return s
}

func newTestService(t *testing.T, window time.Duration) *account.Service {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	database, err := db.Open(t.Context(), filepath.Join(dir, "poolcert.db"))
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(dir, "master.key")
	if err := account.NewKeyringFile(keyFile); err != nil {
		t.Fatal(err)
	}
	keys, err := account.OpenKeyring(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := account.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	service, err := account.New(t.Context(), account.Config{DB: database, Keys: keys, CA: ca, DeleteWindow: window, NodeURL: "https://nodes.test:8444"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("service: %v", err)
		}
		if err := database.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return service
}

// tell makes each request and compares its answer: files come in pairs.
func (s *story) tell(files []txtar.File) {
	s.t.Helper()
	if len(files) == 0 || len(files)%2 != 0 {
		s.t.Fatal("a story is pairs of request and answer")
	}
	for i := 0; i < len(files); i += 2 {
		request, answer := string(files[i].Data), files[i+1]
		// What happens behind the answers is waited for.
		for deadline := time.Now().Add(10 * time.Second); ; {
			status, got, problem := s.exchange(request, answer)
			if problem == "" {
				break
			}
			if !strings.HasPrefix(files[i].Name, "eventually ") || time.Now().After(deadline) {
				s.t.Fatalf("%s: %s\nanswer: %d %v\n%s", files[i].Name, problem, status, got.header, got.body)
			}
		}
	}
}

type received struct {
	header http.Header
	body   []byte
}

func (s *story) exchange(request string, want txtar.File) (int, received, string) {
	s.t.Helper()
	resp := s.send(s.expand(request))
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	got := received{resp.Header, body}
	if status := fmt.Sprint(resp.StatusCode); status != want.Name {
		return resp.StatusCode, got, "want status " + want.Name
	}
	if resp.Header.Get("DataServiceVersion") != "3.0" || !uuid.MatchString(resp.Header.Get("request-id")) {
		return resp.StatusCode, got, "an answer needs DataServiceVersion and request-id"
	}
	head, text, _ := strings.Cut("\n"+string(want.Data), "\n\n")
	for line := range strings.Lines(strings.TrimSpace(head)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		has := resp.Header.Values(name)
		switch {
		case value == "-" && len(has) == 0:
		case value != "-" && len(has) == 1 && s.like(has[0], value):
		default:
			return resp.StatusCode, got, fmt.Sprintf("header %s is %q, want %s", name, has, s.expand(value))
		}
	}
	if strings.TrimSpace(text) == "" {
		if len(body) > 0 {
			return resp.StatusCode, got, "no body was expected"
		}
		return resp.StatusCode, got, ""
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/json;odata=minimalmetadata" {
		return resp.StatusCode, got, "Content-Type is " + ct
	}
	var have, expected any
	if err := json.Unmarshal([]byte(text), &expected); err != nil {
		s.t.Fatalf("the story's answer is not JSON: %v\n%s", err, text)
	}
	if err := json.Unmarshal(body, &have); err != nil {
		return resp.StatusCode, got, "the body is not JSON"
	}
	return resp.StatusCode, got, s.compare("body", have, expected)
}

// send writes the request as it stands, signed, and returns the answer.
func (s *story) send(text string) *http.Response {
	s.t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	body = strings.TrimSuffix(body, "\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, uri, _ := strings.Cut(lines[0], " ")
	uri = strings.TrimPrefix(uri, s.vars["base"])

	who, date, signed := "acct", time.Now(), ""
	header := http.Header{}
	unsigned := http.Header{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "!as":
			who = value
		case "!date":
			skew, err := time.ParseDuration(value)
			if err != nil {
				s.t.Fatal(err)
			}
			date = date.Add(skew)
		case "!signs-length": // a length that is signed but not sent
			signed = value
		case "!after-signing": // a header that is not what was signed
			n, v, _ := strings.Cut(value, ": ")
			unsigned.Set(n, v)
		case "!body-of":
			var n int
			fmt.Sscan(value, &n)
			body = strings.Repeat("x", n)
		default:
			header.Add(name, value)
		}
	}
	if header.Get("Content-Length") == "" && (body != "" || method == "POST" || method == "PATCH") {
		header.Set("Content-Length", fmt.Sprint(len(body)))
	}
	if header.Get("Content-Length") == "none" {
		header.Del("Content-Length")
	}
	if header.Get("Date") == "" && header.Get("ocp-date") == "" {
		header.Set("ocp-date", date.UTC().Format(http.TimeFormat))
	}
	for _, name := range []string{"ocp-date", "Date"} {
		if zone, ok := strings.CutPrefix(header.Get(name), "now "); ok {
			header.Set(name, date.UTC().Format("Mon, 02 Jan 2006 15:04:05 ")+zone)
		}
	}
	if header.Get("Authorization") == "" {
		client, ok := s.clients[who]
		if !ok {
			s.t.Fatalf("nobody is called %q", who)
		}
		u := parseRequest(s.t, method, uri, s.address, header)
		if signed != "" {
			u.Header.Set("Content-Length", signed)
		}
		toSign, err := batch.StringToSign(u, client.Account)
		if err != nil {
			s.t.Fatal(err)
		}
		mac := hmac.New(sha256.New, client.Key)
		mac.Write([]byte(toSign))
		header.Set("Authorization", "SharedKey "+client.Account+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if header.Get("Authorization") == "none" {
		header.Del("Authorization")
	}
	maps.Copy(header, unsigned)
	header.Set("Connection", "close")

	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, uri, s.address)
	header.Write(&raw)
	raw.WriteString("\r\n" + body)
	go conn.Write(raw.Bytes()) // a refusal may come before the body is taken
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, uri, err)
	}
	return resp
}

// parseRequest reads the head as a server does, so that a client's spelling is
// what gets signed.
func parseRequest(t *testing.T, method, uri, host string, header http.Header) *http.Request {
	t.Helper()
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, uri, host)
	h := header.Clone()
	h.Del("Transfer-Encoding")
	h.Write(&raw)
	raw.WriteString("\r\n")
	r, err := http.ReadRequest(bufio.NewReader(&raw))
	if err != nil {
		t.Fatalf("%s %s: %v", method, uri, err)
	}
	return r
}

var (
	uuid     = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	variable = regexp.MustCompile(`\$\{([^}]+)\}`)
	patterns = map[string]*regexp.Regexp{
		"<time>":      regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?Z$`),
		"<http-time>": regexp.MustCompile(`^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$`),
		"<etag>":      regexp.MustCompile(`^0x[0-9A-F]+$`),
		"<uuid>":      uuid,
		"<text>":      regexp.MustCompile(`.`),
	}
)

func (s *story) expand(text string) string {
	return variable.ReplaceAllStringFunc(text, func(m string) string {
		value, ok := s.vars[m[2:len(m)-1]]
		if !ok {
			s.t.Fatalf("unknown variable %s", m)
		}
		return value
	})
}

// like compares text with an expectation: a pattern, <save NAME> for anything, to
// be used later as ${NAME}, <contains TEXT>, or the text itself.
func (s *story) like(got, want string) bool {
	if p, ok := patterns[want]; ok {
		return p.MatchString(got)
	}
	if name, ok := strings.CutPrefix(want, "<save "); ok {
		s.vars[strings.TrimSuffix(name, ">")] = got
		return got != ""
	}
	if part, ok := strings.CutPrefix(want, "<contains "); ok {
		return strings.Contains(got, s.expand(strings.TrimSuffix(part, ">")))
	}
	return got == s.expand(want)
}

// compare returns the first difference. The message of an error is compared with
// its text alone.
func (s *story) compare(path string, got, want any) string {
	switch want := want.(type) {
	case map[string]any:
		have, ok := got.(map[string]any)
		if !ok {
			return path + " is not an object"
		}
		for name := range have {
			if _, ok := want[name]; !ok {
				return fmt.Sprintf("%s.%s was not expected: %v", path, name, have[name])
			}
		}
		for name, value := range want {
			if _, ok := have[name]; !ok {
				return path + "." + name + " is missing"
			}
			if problem := s.compare(path+"."+name, have[name], value); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		have, ok := got.([]any)
		if !ok || len(have) != len(want) {
			return fmt.Sprintf("%s: got %d elements, want %d", path, len(have), len(want))
		}
		for i := range want {
			if problem := s.compare(fmt.Sprintf("%s[%d]", path, i), have[i], want[i]); problem != "" {
				return problem
			}
		}
		return ""
	case string:
		if want == "<any>" {
			return ""
		}
		if want == "<message>" {
			return checkMessage(path, got)
		}
		if have, ok := got.(string); ok && s.like(have, want) {
			return ""
		}
		return fmt.Sprintf("%s: got %q, want %s", path, got, s.expand(want))
	}
	if got != want {
		return fmt.Sprintf("%s: got %v, want %v", path, got, want)
	}
	return ""
}

var messageForm = regexp.MustCompile(`(?s)^.+\.\nRequestId:[0-9a-f-]{36}\nTime:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$`)

func checkMessage(path string, got any) string {
	message, _ := got.(map[string]any)
	value, _ := message["value"].(string)
	if len(message) != 2 || message["lang"] != "en-US" || !messageForm.MatchString(value) {
		return fmt.Sprintf("%s: %v is not in the form of a message", path, got)
	}
	return ""
}
