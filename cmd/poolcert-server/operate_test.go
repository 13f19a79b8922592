//go:build unix

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"poolcert/account/audit"
	"poolcert/account/db/pgtest"
	"poolcert/batch"
	"poolcert/internal/testcert"
	"poolcert/internal/testfolder"
)

// auditLines reads an audit log; each line must be a record.
func auditLines(t *testing.T, path string) []audit.Record {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []audit.Record
	for line := range bytes.Lines(text) {
		var r audit.Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		all = append(all, r)
	}
	return all
}

// hangUp sends SIGHUP and waits until its work is done.
func (r *running) hangUp() {
	r.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
	r.logged("reloaded")
}

// What an operator sees of a service: its log, its audit log and its metrics, over a
// rotation of the audit log.
func TestRunIsSeen(t *testing.T) {
	r := configured(t, "[audit]\nfile = \"audit.log\"\nrequired = true\n[metrics]\nlisten = \"127.0.0.1:0\"\n")
	client := r.account("acct")
	pair := testcert.ECDSA(t)
	tp := pair.Thumbprint()
	if err := client.AddCertificate(t.Context(), &batch.AddCertificate{Thumbprint: tp, ThumbprintAlgorithm: batch.SHA1,
		Data: base64.StdEncoding.EncodeToString(pair.Cert.Raw), Format: batch.FormatCER}); err != nil {
		t.Fatal(err)
	}
	if err := client.AddPool(t.Context(), &batch.Pool{ID: "p", CertificateReferences: []batch.CertificateReference{{Thumbprint: tp, ThumbprintAlgorithm: batch.SHA1}}}); err != nil {
		t.Fatal(err)
	}
	stranger := *client
	stranger.Credentials = batch.Credentials{Account: "acct", Key: make(batch.Key, 64)}
	if err := stranger.DeletePool(t.Context(), "p"); err == nil {
		t.Fatal("a stranger deleted a pool")
	}

	// The audit log was moved away.
	path := filepath.Join(r.dir, "audit.log")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	r.hangUp()
	if err := client.DeletePool(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	scraped, text := r.get(r.ready.Metrics)
	if scraped != http.StatusOK {
		t.Fatalf("metrics: %d %s", scraped, text)
	}
	for _, line := range []string{
		`poolcert_requests_total{api="batch",code="201",operation="certificate.add"} 1`,
		`poolcert_requests_total{api="batch",code="403",operation="authenticate"} 1`,
		`poolcert_certificates{state="active"} 1`, `poolcert_accounts 1`, `poolcert_pools 0`, `poolcert_database_up 1`,
		`poolcert_audit_failures_total 0`, `poolcert_long_polls 0`,
		`poolcert_certificate_expiry_timestamp_seconds{account="acct"} `,
		`poolcert_tls_certificate_expiry_timestamp_seconds `, `poolcert_database_transaction_duration_seconds_count{kind="write"} `,
		`go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, "\n"+line) {
			t.Errorf("%q is not in the metrics", line)
		}
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	for _, path := range probes {
		if status, _ := r.get(strings.TrimSuffix(r.ready.Metrics, "/metrics") + path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	r.end() // all is written

	var got []string
	for _, line := range append(auditLines(t, path+".1"), auditLines(t, path)...) {
		if line.Operation != "account.create" && line.Operation != "authenticate" && (line.RequestID == "" || line.Address == "" || line.Account != "acct" || line.Who != "primary") {
			t.Errorf("incomplete: %+v", line)
		}
		got = append(got, line.Operation+" "+line.Result)
	}
	want := "account.create begun, account.create ok, certificate.add begun, certificate.add ok, pool.add begun, pool.add ok, authenticate AuthenticationFailed, pool.delete begun, pool.delete ok"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if n := len(auditLines(t, path)); n != 2 {
		t.Errorf("%d lines in the new file, want 2", n)
	}
}

// A healthy service is quiet at Info, and tells each request at Debug, as JSON.
func TestRunLogs(t *testing.T) {
	for level, want := range map[string]int{"info": 0, "debug": 2} {
		r := &running{t: t, dir: filepath.Join(t.TempDir(), "data"), ended: make(chan int, 1)}
		call(t, "init", "--dir", r.dir, "--host", "localhost", "--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0")
		r.write(configName, []byte("listen = \"127.0.0.1:0\"\nnode_listen = \"127.0.0.1:0\"\nhosts = [\"localhost\"]\nlog_format = \"json\"\nlog = \""+level+"\"\n"))
		r.run()
		client := r.account("acct")
		client.Pool(t.Context(), "p")
		r.get(r.ready.NodeURL + "/node/v1/references")
		r.end()
		requests := 0
		for line := range strings.Lines(r.log.String()) {
			var entry map[string]any
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Errorf("%v in %q", err, line)
			}
			if message := entry["msg"]; message == "request" || message == "node request" {
				requests++
				if id, _ := entry["request_id"].(string); len(id) != 36 {
					t.Errorf("no request id: %s", line)
				}
			}
		}
		if requests != want {
			t.Errorf("%s: %d lines of requests, want %d:\n%s", level, requests, want, r.log)
		}
	}
}

// A reload that fails leaves what there is.
func TestRunReloadFails(t *testing.T) {
	r := configured(t, "[audit]\nfile = \"audit.log\"\n")
	path := filepath.Join(r.dir, "audit.log")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.logged("the audit log goes on in the old file")
}

// TestProbes: they fail while PostgreSQL is away, and heal by themselves.
func TestProbes(t *testing.T) {
	server := pgtest.New(t)
	dir := filepath.Join(t.TempDir(), "data")
	r := &running{t: t, dir: dir, ended: make(chan int, 1)}
	call(t, "init", "--dir", dir, "--host", "localhost", "--listen", "127.0.0.1:0", "--node-listen", "127.0.0.1:0", "--database", server.Database(t))
	written, err := os.ReadFile(configPath(dir))
	if err != nil {
		t.Fatal(err)
	}
	r.write(configName, append(written, "[metrics]\nlisten = \"127.0.0.1:0\"\n"...))
	r.run()
	// until asks until all answer so; an answer may be a second old.
	until := func(want map[string]int) {
		t.Helper()
		for _, base := range []string{r.ready.URL, strings.TrimSuffix(r.ready.Metrics, "/metrics")} {
			for path, status := range want {
				for got, late := 0, time.Now().Add(30*time.Second); got != status; {
					if time.Now().After(late) {
						t.Fatalf("%s%s: %d, want %d", base, path, got, status)
					}
					got, _ = r.get(base + path)
				}
			}
		}
	}
	until(map[string]int{livePath: 200, healthPath: 200, readyPath: 200})
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	until(map[string]int{livePath: 200, healthPath: 503, readyPath: 503})
	if _, text := r.get(r.ready.Metrics); !strings.Contains(text, "\npoolcert_database_up 0\n") || !strings.Contains(text, "\npoolcert_long_polls 0\n") {
		t.Errorf("metrics without a database: %s", text)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	until(map[string]int{livePath: 200, healthPath: 200, readyPath: 200})
}

// systemd hears when the service is ready, reloads and stops.
func TestRunTellsSystemd(t *testing.T) {
	dir := testfolder.New(t, "")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", filepath.Join(dir, "s"))
	t.Setenv("WATCHDOG_USEC", "60000000")
	r := start(t)
	heard := func(want string) {
		t.Helper()
		buffer := make([]byte, 4096)
		for {
			n, err := socket.Read(buffer)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(string(buffer[:n]), want) {
				return
			}
		}
	}
	heard("STATUS=serving https://localhost:")
	heard("READY=1")
	heard("WATCHDOG=1")
	r.hangUp()
	heard("RELOADING=1")
	heard("READY=1")
	r.end()
	heard("STOPPING=1")
}
