package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"poolcert/account"
	"poolcert/account/metrics"
	"poolcert/account/request"
	"poolcert/batch"
)

var errBusy = errors.New("busy")

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func want(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("%q is not in it", line)
		}
	}
}

// source is a service whose statistics are asked for.
type source struct {
	asked int
	err   error
}

func (s *source) sources() metrics.Sources {
	return metrics.Sources{
		Statistics: func(context.Context) (*account.Statistics, error) {
			s.asked++
			return &account.Statistics{
				Accounts: 2, Pools: 3, Expired: 1,
				Certificates: map[batch.CertificateState]int{batch.StateActive: 7},
				Nodes:        map[batch.NodeState]int{batch.NodeIdle: 5, "unusable": 1},
				Expires:      map[string]time.Time{"acct": time.Unix(1800000000, 0)},
			}, s.err
		},
		Counters:           func() account.Counters { return account.Counters{Sealed: 11, Unsealed: 12, Waiting: 13} },
		AuditFailures:      func() uint64 { return 14 },
		CertificateExpires: func() time.Time { return time.Unix(1900000000, 0) },
		ReloadFailures:     func() uint64 { return 15 },
	}
}

func TestMetrics(t *testing.T) {
	m := metrics.New("v1")
	var s source
	m.Watch(s.sources())
	end := func(api request.API, op string, auth request.Auth, status int) {
		m.End(&request.Call{API: api, Operation: op, Auth: auth, Status: status, Took: 30 * time.Millisecond})
	}
	end(request.Batch, "pool.add", request.Key, 201)
	end(request.Batch, "pool.add", request.Key, 201)
	end(request.Batch, "", "", 403)
	m.End(&request.Call{API: request.Batch, Unproven: true, Status: 503}) // not the first in a row
	end(request.Batch, "", request.Key, 404)
	end(request.Node, "", "", 404)
	end(request.Node, "certificate.fetch", "", 403)
	end(request.Node, "references.wait", request.Member, 0)
	observe := m.Database(func(err error) bool { return errors.Is(err, errBusy) })
	observe(true, time.Millisecond, nil)
	observe(true, time.Millisecond, fmt.Errorf("x: %w", errBusy))
	observe(false, time.Millisecond, errors.New("no such row"))
	m.Installed(300 * time.Millisecond)
	text := scrape(t, m)
	want(t, text,
		`poolcert_requests_total{api="batch",code="201",operation="pool.add"} 2`,
		`poolcert_requests_total{api="batch",code="403",operation="authenticate"} 1`,
		`poolcert_requests_total{api="batch",code="404",operation="other"} 1`,
		`poolcert_requests_total{api="node",code="404",operation="other"} 1`,
		`poolcert_requests_total{api="node",code="gone",operation="references.wait"} 1`,
		`poolcert_request_duration_seconds_bucket{api="batch",operation="pool.add",le="0.025"} 0`,
		`poolcert_request_duration_seconds_bucket{api="batch",operation="pool.add",le="0.05"} 2`,
		`poolcert_authentication_failures_total{api="batch"} 2`,
		`poolcert_authentication_failures_total{api="node"} 1`,
		`poolcert_database_transaction_duration_seconds_count{kind="write"} 2`,
		`poolcert_database_errors_total{kind="write"} 1`,
		`poolcert_database_errors_total{kind="read"} 0`,
		`poolcert_references_installed_seconds_bucket{le="0.25"} 0`,
		`poolcert_references_installed_seconds_bucket{le="0.5"} 1`,
		`poolcert_database_up 1`, `poolcert_accounts 2`, `poolcert_pools 3`, `poolcert_certificates_expired 1`,
		`poolcert_certificates{state="active"} 7`, `poolcert_certificates{state="deletefailed"} 0`,
		`poolcert_nodes{state="idle"} 5`, `poolcert_nodes{state="unusable"} 1`, `poolcert_nodes{state="unknown"} 0`,
		`poolcert_certificate_expiry_timestamp_seconds{account="acct"} 1.8e+09`,
		`poolcert_tls_certificate_expiry_timestamp_seconds 1.9e+09`, `poolcert_tls_reload_failures_total 15`,
		`poolcert_sealed_total 11`, `poolcert_unsealed_total 12`, `poolcert_long_polls 13`, `poolcert_audit_failures_total 14`,
		`poolcert_build_info{version="v1"} 1`)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
}

// However many scrape, the database is asked once in a while; when it is away, the
// other metrics stay.
func TestScrapesSpareTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := metrics.New("v1")
		var s source
		m.Watch(s.sources())
		scrape(t, m)
		scrape(t, m)
		if s.asked != 1 {
			t.Errorf("asked %d times, want 1", s.asked)
		}
		time.Sleep(15 * time.Second) // in the bubble
		s.err = errBusy
		text := scrape(t, m)
		want(t, text, `poolcert_database_up 0`, `poolcert_long_polls 13`)
		if strings.Contains(text, "poolcert_certificates{") {
			t.Error("old values are told while the database is away")
		}
		s.err = nil
		want(t, scrape(t, m), `poolcert_database_up 1`)
	})
}

func TestAccountsAreBounded(t *testing.T) {
	m := metrics.New("v1")
	expires := make(map[string]time.Time)
	for i := range 1500 {
		expires[fmt.Sprintf("a%d", i)] = time.Unix(int64(i)+1, 0)
	}
	m.Watch(metrics.Sources{
		Statistics: func(context.Context) (*account.Statistics, error) { return &account.Statistics{Expires: expires}, nil },
		Counters:   func() account.Counters { return account.Counters{} },
	})
	text := scrape(t, m)
	if n := strings.Count(text, "\npoolcert_certificate_expiry_timestamp_seconds{"); n != 1000 {
		t.Errorf("%d accounts have a value, want 1000", n)
	}
	want(t, text, `poolcert_certificate_expiry_timestamp_seconds{account="a0"} 1`)
}
