package doctest

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"poolcert/internal/testtool"
)

// metricName finds names of ours, and those that Go's client adds, in expressions and documents.
var metricName = regexp.MustCompile(`\b(?:poolcert|process)_[a-z0-9_]*[a-z0-9]\b`)

// notMetrics look like some.
var notMetrics = []string{"poolcert_test"}

// metricsOf asks a real server and a real agent what they have. The stories before
// that are such that each metric has a sample.
func metricsOf(t *testing.T) map[string]bool {
	t.Helper()
	s := newSandbox(t)
	for _, command := range []string{
		"cd /root && service && groups_of_tasks && certificate storage",
		`mkdir -p /etc/poolcert && printf 'metrics_listen = "127.0.0.1:9465"\n[[hook]]\ncommand = ["/bin/true"]\n[audit]\nfile = "/root/agent-audit.log"\n' >/etc/poolcert/agent.toml`,
		`mkdir -p /var/log/poolcert-server && printf '[audit]\nfile = "/var/log/poolcert-server/audit.log"\n[metrics]\nlisten = "127.0.0.1:9464"\n' >>/var/lib/poolcert-server/server.toml && systemctl restart poolcert-server`,
		"openssl req -x509 -newkey rsa:2048 -noenc -days 30 -subj /CN=batch.example.org -addext subjectAltName=DNS:batch.example.org,DNS:localhost -keyout /var/lib/poolcert-server/tls.key -out /var/lib/poolcert-server/tls.pem",
		`sed -i '1i tls_cert = "tls.pem"\ntls_key = "tls.key"' /var/lib/poolcert-server/server.toml && systemctl restart poolcert-server && cp /var/lib/poolcert-server/tls.pem /home/alice/ca.pem`,
		"jq -r .primaryKey /root/account.json | as_alice 'poolcert login https://batch.example.org:8443 --account myaccount --ca ca.pem --key-file -'",
		`as_alice 'poolcert cert add storage.pfx --password-file storage.pw --name storage; poolcert pool create render --cert name=storage; poolcert pool token create render >token'`,
		"poolcert-agent join --token-file /home/alice/token && systemctl start poolcert-agent && eventually has_pfx",
		"as_alice 'printf x | poolcert encrypt --to storage -o x.cms && poolcert decrypt x.cms'",
		"curl -s --cacert /home/alice/ca.pem -H 'Authorization: SharedKey a:b' https://localhost:8443/pools?api-version=2024-07-01.20.0",
		"eventually sh -c 'poolcert-agent status | grep -q /bin/true; curl -s http://127.0.0.1:9464/metrics | grep -q poolcert_references_installed_seconds_count'",
	} {
		if out, code := s.run(true, command); code != 0 {
			t.Fatalf("%s: exit code %d: %s", command, code, out)
		}
	}
	names := make(map[string]bool)
	for _, port := range []string{"9464", "9465"} {
		out, code := s.run(true, "curl -sf http://127.0.0.1:"+port+"/metrics")
		if code != 0 {
			t.Fatalf("metrics at port %s: %s", port, out)
		}
		for line := range strings.Lines(out) {
			if name := metricName.FindString(line); name != "" && strings.HasPrefix(line, name) {
				names[name] = true
			}
		}
	}
	if len(names) < 30 {
		t.Fatalf("only the metrics %v", slices.Sorted(maps.Keys(names)))
	}
	return names
}

// expressions are those of the dashboard.
func expressions(t *testing.T) (all []string) {
	t.Helper()
	data, err := os.ReadFile("../../packaging/grafana/poolcert.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Query any }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("the panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, v := range dashboard.Templating.List {
		if query, ok := v.Query.(map[string]any); ok {
			all = append(all, query["query"].(string))
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d expressions in the dashboard", len(all))
	}
	return all
}

func TestMetricsExist(t *testing.T) {
	there := metricsOf(t)
	texts := map[string]string{"packaging/grafana/poolcert.json": strings.Join(expressions(t), "\n")}
	for _, name := range []string{"packaging/prometheus/poolcert.rules.yml", "docs/operations.md", "docs/agent.md"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(text)
	}
	for file, text := range texts {
		found := metricName.FindAllString(text, -1)
		if len(found) < 5 {
			t.Errorf("%s names only %v", file, found)
		}
		for _, name := range found {
			if !there[name] && !slices.Contains(notMetrics, name) && !there[name+"_bucket"] {
				t.Errorf("%s has %s, which neither the server nor the agent has", file, name)
			}
		}
	}
	// And all of ours are documented.
	documented := texts["docs/operations.md"] + texts["docs/agent.md"]
	for name := range there {
		base := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
		if strings.HasPrefix(name, "poolcert_") && !strings.Contains(documented, base) {
			t.Errorf("%s is in neither docs/operations.md nor docs/agent.md", name)
		}
	}
}

// TestAlertRules has Prometheus read them, and tries each one.
func TestAlertRules(t *testing.T) {
	promtool := testtool.Need(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "poolcert.rules.yml"}, {"test", "rules", "poolcert.test.yml"}} {
		cmd := exec.Command(promtool, args...)
		cmd.Dir = "../../packaging/prometheus"
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	rules, err := os.ReadFile("../../packaging/prometheus/poolcert.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("../../packaging/prometheus/poolcert.test.yml")
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	for _, alert := range alerts {
		if !strings.Contains(string(tests), "alertname: "+alert[1]+"\n") {
			t.Errorf("nothing tries the alert %s", alert[1])
		}
		if !strings.Contains(string(document), "`"+alert[1]+"`") {
			t.Errorf("docs/operations.md does not tell of the alert %s", alert[1])
		}
	}
}

// TestDashboardExpressions has Prometheus read them, as rules.
func TestDashboardExpressions(t *testing.T) {
	promtool := testtool.Need(t, "promtool")
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for _, expr := range expressions(t) {
		if strings.HasPrefix(expr, "label_values(") {
			continue
		}
		expr = strings.NewReplacer("$__rate_interval", "5m", "$server", "poolcert-server", "$agent", "poolcert-agent").Replace(expr)
		quoted, err := json.Marshal(expr)
		if err != nil {
			t.Fatal(err)
		}
		rules.WriteString("  - record: dashboard:panel:value\n    labels: {expr: " + string(quoted) + "}\n    expr: " + string(quoted) + "\n")
	}
	file := t.TempDir() + "/rules.yml"
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
