package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/batch"
)

// call runs the program to its end and returns what it printed.
func call(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), args, nil, &stdout, &stderr); code != 0 {
		t.Fatalf("poolcert-server %s: exit %d: %s", strings.Join(args, " "), code, &stderr)
	}
	return stdout.String()
}

// A running is the program's run command, in this process.
type running struct {
	t     *testing.T
	dir   string
	ready ready
	http  *http.Client
	stop  context.CancelFunc
	ended chan int
	log   *bytes.Buffer // complete after ended
	lines chan string   // of the log, as they come
}

// start makes a data directory and runs the service on it.
func start(t *testing.T, options ...string) *running {
	t.Helper()
	r := &running{t: t, dir: filepath.Join(t.TempDir(), "data"), ended: make(chan int, 1)}
	call(t, "init", "--dir", r.dir, "--host", "localhost", "--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0")
	r.run(options...)
	return r
}

func (r *running) run(options ...string) {
	t := r.t
	t.Helper()
	readyFile := filepath.Join(t.TempDir(), "ready")
	args := append([]string{"run", "--dir", r.dir, "--ready-file", readyFile}, options...)
	ended := r.ended
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	log := new(bytes.Buffer)
	r.log = log
	r.lines = make(chan string, 10000)
	seen := r.lines
	lines, stderr := io.Pipe()
	listening := make(chan bool, 1)
	logged := make(chan bool)
	go func() {
		code := run(ctx, args, nil, io.Discard, stderr)
		stderr.Close()
		<-logged
		ended <- code
	}()
	go func() {
		defer close(logged)
		for s := bufio.NewScanner(lines); s.Scan(); {
			log.WriteString(s.Text() + "\n")
			select {
			case seen <- s.Text():
			default: // nobody waits for so many
			}
			if strings.Contains(s.Text(), "msg=listening") || strings.Contains(s.Text(), `"msg":"listening"`) {
				listening <- true
			}
		}
		close(listening)
	}()
	t.Cleanup(r.end)
	if !<-listening {
		<-logged
		t.Fatalf("it never listened: %s", r.log)
	}
	data, err := os.ReadFile(readyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r.ready); err != nil {
		t.Fatalf("ready file: %v\n%s", err, data)
	}
	ca, err := os.ReadFile(filepath.Join(r.dir, caName))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	r.http = &http.Client{Transport: transport}
}

// logged waits for a line of the log.
func (r *running) logged(text string) string {
	r.t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case line := <-r.lines:
			if strings.Contains(line, text) {
				return line
			}
		case <-late:
			r.t.Fatalf("%q is not in the log", text)
		}
	}
}

// configured makes a data directory whose server.toml ends with text, and runs the
// service on it.
func configured(t *testing.T, text string, options ...string) *running {
	t.Helper()
	r := &running{t: t, dir: filepath.Join(t.TempDir(), "data"), ended: make(chan int, 1)}
	call(t, "init", "--dir", r.dir, "--host", "localhost", "--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0")
	written, err := os.ReadFile(configPath(r.dir))
	if err != nil {
		t.Fatal(err)
	}
	r.write(configName, append(written, text...))
	r.run(options...)
	return r
}

// end stops the program; it may be called again.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	code := <-r.ended
	r.ended <- code
	if code != 0 {
		r.t.Errorf("exit %d: %s", code, r.log)
	}
}

// account makes an account with another process's means and returns its client.
func (r *running) account(name string) *batch.Client {
	r.t.Helper()
	var made created
	if err := json.Unmarshal([]byte(call(r.t, "account", "create", name, "--dir", r.dir, "--json")), &made); err != nil {
		r.t.Fatal(err)
	}
	key, err := batch.ParseKey(made.PrimaryKey)
	if err != nil {
		r.t.Fatal(err)
	}
	return &batch.Client{Endpoint: r.ready.URL, HTTP: r.http, Credentials: batch.Credentials{Account: name, Key: key}}
}

func (r *running) get(url string) (int, string) {
	r.t.Helper()
	resp, err := r.http.Get(url)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestRunServes(t *testing.T) {
	r := start(t)
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := r.get(r.ready.URL + path); status != 200 || body != "ok\n" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	if status, _ := r.get(r.ready.URL + "/pools"); status != 400 {
		t.Errorf("a request without a signature: %d, want 400", status)
	}
	if status, _ := r.get(r.ready.NodeURL + "/node/v1/references"); status != 403 {
		t.Errorf("a node without a certificate: %d, want 403", status)
	}

	// An account that is made while the service runs, also one that was asked for
	// before it existed.
	early := &batch.Client{Endpoint: r.ready.URL, HTTP: r.http, Credentials: batch.Credentials{Account: "later", Key: batch.Key("x")}}
	if _, err := early.Pool(t.Context(), "p"); !errors.Is(err, &batch.Error{Code: batch.CodeAuthenticationFailed}) {
		t.Errorf("an account that is not there: %v", err)
	}
	client := r.account("later")
	if err := client.AddPool(t.Context(), &batch.Pool{ID: "p"}); err != nil {
		t.Fatal(err)
	}
	token, err := client.AddJoinToken(t.Context(), "p", batch.AddJoinToken{TTL: 60})
	if err != nil || token.Token == "" {
		t.Errorf("join token: %+v, %v", token, err)
	}

	begin := time.Now()
	r.end()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}

	// What was made is there after a restart.
	r.ended = make(chan int, 1)
	r.run()
	client.Endpoint = r.ready.URL
	client.HTTP = r.http
	if _, err := client.Pool(t.Context(), "p"); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestRunInsecure(t *testing.T) {
	r := start(t, "--insecure-http")
	if !strings.HasPrefix(r.ready.URL, "http://localhost:") {
		t.Fatalf("URL %q", r.ready.URL)
	}
	client := r.account("demo")
	if err := client.AddPool(t.Context(), &batch.Pool{ID: "p"}); err != nil {
		t.Fatal(err)
	}
	pool, err := client.Pool(t.Context(), "p")
	if err != nil || pool.URL != r.ready.URL+"/pools/p" {
		t.Errorf("pool %+v, %v", pool, err)
	}
}

// With the operator's own certificate, clients need nothing of the service's CA;
// nodes still do.
func TestRunOwnCertificate(t *testing.T) {
	r := &running{t: t, dir: filepath.Join(t.TempDir(), "data"), ended: make(chan int, 1)}
	call(t, "init", "--dir", r.dir, "--host", "localhost", "--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0")
	own := newPair(t)
	r.write("tls.pem", own.cert)
	r.write("tls.key", own.key)
	text, err := os.ReadFile(configPath(r.dir))
	if err != nil {
		t.Fatal(err)
	}
	r.write(configName, append(text, "tls_cert = \"tls.pem\"\ntls_key = \"tls.key\"\n"...))
	r.run()

	if _, err := r.http.Get(r.ready.URL + "/healthz"); err == nil {
		t.Error("the service's own CA signed what clients see")
	}
	if status, _ := r.get(r.ready.NodeURL + "/"); status != 404 {
		t.Errorf("node listener: %d, want 404", status)
	}
	roots := x509.NewCertPool()
	roots.AddCert(own.ca)
	r.http = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	if status, _ := r.get(r.ready.URL + "/healthz"); status != 200 {
		t.Errorf("with the operator's CA: %d", status)
	}
	if text := call(t, "account", "create", "demo", "--dir", r.dir, "--json"); strings.Contains(text, "\"ca\"") {
		t.Errorf("clients are told of a CA that they don't need: %s", text)
	}
}

func (r *running) write(name string, data []byte) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// A second service on the same address says so, and the first one goes on.
func TestRunAddressTaken(t *testing.T) {
	r := start(t)
	second := filepath.Join(t.TempDir(), "second")
	call(t, "init", "--dir", second, "--listen", r.ready.Listen, "--node-listen", "127.0.0.1:0")
	var stderr bytes.Buffer
	code := run(t.Context(), []string{"run", "--dir", second}, nil, io.Discard, &stderr)
	if code != 1 || !strings.Contains(stderr.String(), "address already in use") || !strings.Contains(stderr.String(), "hint: is poolcert-server running already?") {
		t.Errorf("exit %d: %s", code, &stderr)
	}
	if status, _ := r.get(r.ready.URL + "/healthz"); status != 200 {
		t.Errorf("the first service answers %d", status)
	}
}
