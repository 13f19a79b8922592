package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/internal/localsock"
)

// request makes a request on the agent's socket.
func (a *testAgent) request(method, path string) (int, string) {
	a.t.Helper()
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return localsock.Dial(ctx, a.config.Socket) },
	}}
	request, err := http.NewRequestWithContext(a.t.Context(), method, "http://node"+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		a.t.Errorf("%s %s: %v", method, path, err)
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Error(err)
	}
	return response.StatusCode, string(body)
}

// A refresh returns when what changed is installed, and what drifted is mended.
func TestRefresh(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	a.start()
	a.awaitReady()
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	r, err := Refresh(t.Context(), a.config.Socket)
	if err != nil || r.Error != "" || r.ContactError != "" || !r.Status.Healthy {
		t.Fatalf("Refresh = %+v, %v", r, err)
	}
	a.wantInstalled(one)
	s.Stop()
	if r, err := Refresh(t.Context(), a.config.Socket); err != nil || r.ContactError == "" {
		t.Errorf("without the service: %+v, %v", r, err)
	}
}

// Health and metrics are on the socket.
func TestHealthAndMetrics(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a.start()
	a.awaitReady()
	if _, err := Refresh(t.Context(), a.config.Socket); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := a.request(http.MethodGet, path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	a.request(http.MethodPost, "/v1/unwrap")
	status, body := a.request(http.MethodGet, "/metrics")
	for _, want := range []string{
		"poolcert_agent_connected 1\n", `poolcert_agent_certificates{state="installed"} 1` + "\n",
		`poolcert_agent_certificate_installed{thumbprint="` + one.String() + `"} 1` + "\n",
		`poolcert_agent_decrypts_total{operation="unwrap",result="malformed"} 1` + "\n",
	} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("no %q in %d\n%s", want, status, body)
		}
	}
}

// Metrics are for root and the agent's own user, as the status and the refresh are.
func TestOwnerOnly(t *testing.T) {
	l := &life{status: func() *Status { return &Status{} }, control: newControl()}
	for _, c := range []struct{ method, path string }{{"GET", statusPath}, {"POST", refreshPath}, {"GET", metricsPath}} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r = r.WithContext(localsock.NewContext(r.Context(), localsock.Caller{UID: 54_321, GID: 54_321}, nil))
		w := httptest.NewRecorder()
		if l.handler().ServeHTTP(w, r); w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", c.path, w.Code)
		}
	}
}

// The address of metrics_listen has the same for everyone.
func TestMetricsListen(t *testing.T) {
	l := &life{status: testStatus, control: newControl(), record: newRecord(), interval: 1 << 60}
	m, err := l.listenMetrics("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.serve(ctx) }()
	get := func(path string) int {
		response, err := http.Get("http://" + m.listener.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/metrics": 200, "/v1/status": 404, "/v1/refresh": 404} {
		if got := get(path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	l.record.update(&want{}, outcome{})
	if got := get("/readyz"); got != 200 {
		t.Errorf("/readyz with a set: %d", got)
	}
	// Whoever holds connections holds few.
	var conn net.Conn
	for range maxScrapers + 2 {
		if conn, err = net.Dial("tcp", m.listener.Addr().String()); err != nil {
			break // the reset may come before Dial returns
		}
		defer conn.Close()
	}
	if err == nil {
		conn.SetReadDeadline(time.Now().Add(4 * time.Second)) // before the server ends all that send nothing
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one connection too many: %v, want that it is reset", err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// While an agent is reloaded, callers wait; none is refused, and no file goes.
func TestReloadUnderCallers(t *testing.T) {
	s := agenttest.NewService(t)
	a := newTestAgent(t, s)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	agent := a.start()
	a.awaitReady()
	if _, err := Refresh(t.Context(), a.config.Socket); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for ctx.Err() == nil {
				if status, body := a.request(http.MethodGet, "/healthz"); status != http.StatusOK {
					t.Errorf("%d %s", status, body)
				}
				if _, err := os.Stat(fmt.Sprintf("%s/current/%s/sha1-%s.pfx", a.config.CertificatesDir, batch.Task, one)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 5 {
		next := *a.config
		next.InitialJitter = 0
		next.Wait -= 1
		if err := agent.Reload(t.Context(), &next); err != nil {
			t.Errorf("reload %d: %v", i, err)
		}
	}
	bad := *a.config
	bad.StateDir = a.config.Socket // no folder
	if err := agent.Reload(t.Context(), &bad); err == nil {
		t.Error("a configuration that cannot work: no error")
	}
	if status := a.status(); status.Healthy || status.ConfigError == "" {
		t.Errorf("status after that: %+v", status)
	}
	cancel()
	group.Wait()
	if r, err := Refresh(t.Context(), a.config.Socket); err != nil || r.Error != "" || r.ContactError != "" {
		t.Errorf("Refresh = %+v, %v", r, err)
	}
}
