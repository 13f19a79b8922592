package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"poolcert/agent/hook"
	"poolcert/batch"
)

func testStatus() *Status {
	now := time.Unix(1_800_000_000, 0)
	return &Status{
		Version: "1\"2", Healthy: true, Started: now, ConnectedSince: &now, LastContact: &now, Failures: 3, Revision: "r1",
		NodeCertificateExpires: now, Repairs: RepairStatus{Count: 4},
		Certificates: []CertificateStatus{
			{Thumbprint: batch.Thumbprint{1}, State: batch.NodeInstalled, Expires: &now},
			{Thumbprint: batch.Thumbprint{2}, State: batch.NodeFailed},
			{Thumbprint: batch.Thumbprint{3}, State: batch.NodeRemoved, Expires: &now},
		},
		Hooks: []hook.Result{{Name: "a b", State: hook.GaveUp, Runs: 7, Failures: 5}},
	}
}

// Counters that alerts watch are there before the first event: Prometheus does not
// see the rise of a series that begins at 4000.
func TestMetricsBeginAtZero(t *testing.T) {
	page := metricsPage(&Status{}, &uses{})
	for _, want := range []string{
		`poolcert_agent_decrypts_total{operation="decrypt",result="too-many-failures"} 0`,
		`poolcert_agent_decrypts_total{operation="unwrap",result="too-many-failures"} 0`,
		`poolcert_agent_decrypts_total{operation="decrypt",result="ok"} 0`,
		`poolcert_agent_audit_failures_total 0`,
		`poolcert_agent_repairs_total 0`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

// The page is what Prometheus reads, and named as it wants.
func TestMetricsPage(t *testing.T) {
	u := &uses{}
	u.count("unwrap", "ok")
	u.count("unwrap", "ok")
	u.count("decrypt", "no-recipient")
	page := metricsPage(testStatus(), u)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	if len(families) < 15 {
		t.Errorf("%d families", len(families))
	}
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		`poolcert_agent_info{version="1\"2"} 1`,
		`poolcert_agent_connected 1`,
		`poolcert_agent_last_success_time_seconds 1.8e+09`,
		`poolcert_agent_poll_failures_total 3`,
		`poolcert_agent_repairs_total 4`,
		`poolcert_agent_certificates{state="installed"} 1`,
		`poolcert_agent_certificates{state="failed"} 1`,
		`poolcert_agent_certificate_installed{thumbprint="0200000000000000000000000000000000000000"} 0`,
		`poolcert_agent_hook_runs_total{hook="a b",result="failed"} 5`,
		`poolcert_agent_hook_healthy{hook="a b"} 0`,
		`poolcert_agent_decrypts_total{operation="decrypt",result="no-recipient"} 1`,
		`poolcert_agent_decrypts_total{operation="unwrap",result="ok"} 2`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if strings.Contains(page, "0300") {
		t.Error("a removed certificate is a series")
	}
}
