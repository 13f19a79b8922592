package rest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
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
	service *account.Service
	node    *account.NodeIdentity // after enroll
	address string
	clients map[string]batch.Credentials // by the word after "!as"
	vars    map[string]string
}

var (
	windowLine    = regexp.MustCompile(`(?m)^window (\S+)$`)
	debugAuthLine = regexp.MustCompile(`(?m)^debug-auth$`)
	signInLine    = regexp.MustCompile(`(?m)^sign-in$`)
)

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
	s := &story{t: t, service: service, clients: map[string]batch.Credentials{}, vars: map[string]string{}}
	cfg := rest.Config{Service: service, DebugAuth: debugAuthLine.MatchString(comment), Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if signInLine.MatchString(comment) {
		cfg.SignIn = s.signIn()
	}
	srv := httptest.NewServer(rest.New(cfg))
	t.Cleanup(srv.Close)
	s.address = srv.Listener.Addr().String()
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
	maps.Copy(s.vars, map[string]string{
		"base": srv.URL, "v": "api-version=2020-09-01.12.0", "password": password,
		"json": "application/json; odata=minimalmetadata; charset=utf-8",
		"a":    a.Thumbprint().String(), "a.pfx": encode(a.PFX(password)), "a.cer": encode(a.Cert.Raw),
		"A": strings.ToUpper(a.Thumbprint().String()),
		"b": b.Thumbprint().String(), "b.pfx": encode(b.PFX(password)), "b.cer": encode(b.Cert.Raw),
		"c": ec.Thumbprint().String(), "c.cer": encode(ec.Cert.Raw),
		"key.a": "(thumbprintAlgorithm=sha1,thumbprint=" + a.Thumbprint().String() + ")",
		"key.b": "(thumbprintAlgorithm=sha1,thumbprint=" + b.Thumbprint().String() + ")",
		"key.c": "(thumbprintAlgorithm=sha1,thumbprint=" + ec.Thumbprint().String() + ")",
	})
	return s
}

func newTestService(t *testing.T, window time.Duration) *account.Service {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return newTestServiceOn(t, filepath.Join(dir, "poolcert.db"), window)
}

func newTestServiceOn(t *testing.T, dsn string, window time.Duration) *account.Service {
	t.Helper()
	database, err := db.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	keyFile := filepath.Join(t.TempDir(), "master.key")
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
