package doctest

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"poolcert/internal/cli"
)

// A figure is a number with its unit that a document has from elsewhere. The first
// group of both patterns is the number; the document may have it several times.
type figure struct {
	document, says string
	source, is     string  // a file of the repository, and where in it
	times          float64 // what the source's is multiplied by; 0: nothing
	within         float64 // what it may differ by, as a share, for being rounded
}

// row is a row of a table, from its first cell to the second.
func row(name string) string { return `(?m)^\| ` + regexp.QuoteMeta(name) + ` \| ([\d.]+ \S+)` }

// most is the fourth cell.
func most(name string) string {
	return `(?m)^\| ` + regexp.QuoteMeta(name) + ` \| [^|]+ \| [^|]+ \| ([\d.]+ \S+)`
}

const (
	operations = "docs/operations.md"
	benchmarks = "docs/benchmarks.md"
	limitsGo   = "cmd/poolcert-server/limits.go"
	failuresGo = "decrypt/local/failures.go"
	clientGo   = "decrypt/local/client.go"
	agentUnit  = "packaging/systemd/poolcert-agent.service"
	serverUnit = "packaging/systemd/poolcert-server.service"
	bootPart   = "scripts/boot/parts/10-install.bash"
)

var figures = []figure{
	// What was measured.
	{operations, `([\d.]+ MB) with all polls held`, benchmarks, row("resident memory with 1,000 long polls"), 0, .01},
	{operations, `([\d.]+ MB); all polls see a change`, benchmarks, row("resident memory with 5,000 long polls"), 0, .01},
	{operations, `a change is on all nodes within ([\d.]+ s)`, benchmarks, most("1,000 nodes, from a change to the certificate opened: p99"), 0, .05},
	{operations, `all polls see a change within ([\d.]+ s)`, benchmarks, most("5000 long polls see a change: last"), 0, .05},
	{operations, `([\d.]+ kB) a held poll`, benchmarks, row("one more long poll, from 1,000 to 5,000: resident"), 0, .02},
	{operations, `\(([\d.]+ ms) a node\)`, benchmarks, row("the server's processor time of that, a node"), 0, 0},
	{operations, `([\d.]+ ms) of one core for a page of 1,000`, benchmarks, row("SQLite: the server's processor time of that"), .01, .02},
	{operations, `An agent takes ([\d.]+ MiB)`, benchmarks, row("an idle agent with 50 certificates: memory"), 0, .04},
	{operations, `a use of a key takes ([\d.]+ ms)`, benchmarks, `A use of a key takes ([\d.]+ ms) of one core`, 0, 0},

	// Limits.
	{operations, "`account_rate` \\| (\\d+)", limitsGo, `AccountRate: (\d+)`, 0, 0},
	{operations, "`address_rate` \\| (\\d+)", limitsGo, `AddressRate: (\d+)`, 0, 0},
	{operations, "`failure_rate` \\| (\\d+)", limitsGo, `FailureRate: (\d+)`, 0, 0},
	{operations, "`connections_per_address` \\| (\\d+)", limitsGo, `\tConnections: (\d+)`, 0, 0},
	{operations, "`connections_per_address` \\| \\d+, (\\d+)", limitsGo, `, ConnectionsPerAddress: (\d+)`, 0, 0},
	{operations, "`node_connections_per_address` \\| (\\d+)", limitsGo, `\tNodeConnections: (\d+)`, 0, 0},
	{operations, "`node_connections_per_address` \\| \\d+, (\\d+)", limitsGo, `NodeConnectionsPerAddress: (\d+)`, 0, 0},
	{operations, `more than (\d+) in a minute of this user`, failuresGo, `otherFailures\s+= (\d+)`, 0, 0},
	{operations, `in a minute of this user, or (\d+)`, failuresGo, `tellingFailures = (\d+)`, 0, 0},
	{"docs/local-api.md", `Failed messages: (\d+) in a minute`, failuresGo, `otherFailures\s+= (\d+)`, 0, 0},
	{"docs/local-api.md", `Failed messages: \d+ in a minute; (\d+)`, failuresGo, `tellingFailures = (\d+)`, 0, 0},
	{"docs/local-api.md", `does so for (\d+ s), and`, clientGo, `awayTime = (.+)`, 0, 0},
	{"docs/local-api.md", `, and for (\d+ s) while the agent is there`, clientGo, `busyTime = (.+)`, 0, 0},
	{"docs/attack-surface.md", `refused after (\d+ s) \(.its queue`, clientGo, `busyTime = (.+)`, 0, 0},
	{"docs/systemd.md", `tries for (\d+ s), and says then .its queue`, clientGo, `busyTime = (.+)`, 0, 0},
	{"docs/windows.md", `as .poolcert. does for (\d+ s)`, clientGo, `busyTime = (.+)`, 0, 0},
	{"docs/windows.md", `tries for (\d+ s), if this computer`, clientGo, `awayTime = (.+)`, 0, 0},
	{operations, `our unit allows ([\d,]+) \(.LimitNOFILE`, serverUnit, `LimitNOFILE=(\d+)`, 0, 0},

	// Times.
	{operations, "without `--ttl` a token is good for (an? \\w+|\\d+ \\w+)", "cmd/poolcert/token.go", `"ttl", ([\w.* ]+),`, 0, 0},
	{"docs/systemd.md", `is started again after (\d+ s)`, agentUnit, `RestartSec=(\w+)`, 0, 0},
	{"docs/systemd.md", `one that hangs after (\d+ min)`, agentUnit, `WatchdogSec=(\w+)`, 0, 0},
	{"docs/agent.md", `an agent whose loops hang \([^)]*\), after (\d+ min)`, agentUnit, `WatchdogSec=(\w+)`, 0, 0},
	{"docs/agent.md", `tries again, after (\d+ s) to`, "agent/pace/retry.go", `base\s+= (\S+)`, 0, 0},
	{"docs/agent.md", `tries again, after \d+ s to (\d+ min)`, "agent/pace/retry.go", `Cap\s+= ([^/]+?) +//`, 0, 0},
	{operations, "signs the certificates of nodes, for (\\d+ hours)", "internal/nodeapi/nodeapi.go", `CertificateLife\s+= (\d+ \* [\w.]+)`, 0, 0},

	// Exposure. What it is, docs/systemd.md shows in a block that is typed.
	{"docs/systemd.md", `A test fails above ([\d.]+)`, bootPart, `exposure of the agent is at most ([\d.]+)`, 0, 0},
	{"docs/systemd.md", `A test fails above [\d.]+ and ([\d.]*\d)`, bootPart, `exposure of the server is at most ([\d.]+)`, 0, 0},
}

var units = map[string]float64{
	"": 1, "ms": 1e-3, "s": 1, "min": 60, "hour": 3600, "hours": 3600, "day": 86400, "time.Second": 1, "time.Minute": 60, "time.Hour": 3600,
	"kB": 1e3, "MB": 1e6, "MiB": 1 << 20,
}

var numberAndUnit = regexp.MustCompile(`^([\d.]*)[ *]*([A-Za-z.]*)$`)

func valueOf(text string) (float64, error) {
	plain := strings.TrimPrefix(strings.TrimPrefix(strings.ReplaceAll(text, ",", ""), "an "), "a ")
	m := numberAndUnit.FindStringSubmatch(plain)
	if m == nil {
		return 0, fmt.Errorf("%q is no number", text)
	}
	unit, ok := units[m[2]]
	if !ok {
		return 0, fmt.Errorf("%q has an unknown unit", text)
	}
	if m[1] == "" {
		return unit, nil
	}
	n, err := strconv.ParseFloat(m[1], 64)
	return n * unit, err
}

// wrong tells how the document differs from its source, or "".
func (f figure) wrong(document, source string) string {
	from := regexp.MustCompile(f.is).FindAllStringSubmatch(source, -1)
	if len(from) != 1 {
		return fmt.Sprintf("%s has %s %d times, want once", f.source, f.is, len(from))
	}
	want, err := valueOf(from[0][1])
	if err != nil {
		return fmt.Sprintf("%s: %v", f.source, err)
	}
	if f.times != 0 {
		want *= f.times
	}
	said := regexp.MustCompile(f.says).FindAllStringSubmatch(document, -1)
	if len(said) == 0 {
		return fmt.Sprintf("%s does not say %s: what says it now?", f.document, f.says)
	}
	for _, s := range said {
		got, err := valueOf(s[1])
		if err != nil {
			return fmt.Sprintf("%s: %v", f.document, err)
		}
		if math.Abs(got-want) > f.within*want+1e-9 {
			return fmt.Sprintf("%s says %q, %s has %q", f.document, s[0], f.source, from[0][0])
		}
	}
	return ""
}

// TestFigures compares them with the programs, the units and what was measured.
func TestFigures(t *testing.T) {
	texts := make(map[string]string)
	read := func(name string) string {
		if texts[name] == "" {
			text, err := os.ReadFile("../../" + name)
			if err != nil {
				t.Fatal(err)
			}
			texts[name] = string(text)
		}
		return texts[name]
	}
	for _, f := range figures {
		if wrong := f.wrong(read(f.document), read(f.source)); wrong != "" {
			t.Error(wrong)
		}
	}
}

// exitCodes are the words of README.md for them.
var exitCodes = map[string]int{
	"done": 0, "failed": cli.ExitFailure, "wrong usage": cli.ExitUsage, "no such certificate here": cli.ExitNoCertificate,
	"not allowed": cli.ExitNotAllowed, "a service that is not set up yet": cli.ExitNotSetUp,
}

func TestExitCodes(t *testing.T) {
	_, text, _ := strings.Cut(readDocument(t, "README.md").prose, "Exit codes are ")
	text, _, _ = strings.Cut(text, "\n\n")
	said := regexp.MustCompile(`(\d+) \(([^)]+)\)`).FindAllStringSubmatch(strings.ReplaceAll(text, "\n", " "), -1)
	if len(said) != len(exitCodes) {
		t.Errorf("README.md has %d exit codes, want %d", len(said), len(exitCodes))
	}
	for _, s := range said {
		if code, ok := exitCodes[s[2]]; !ok || s[1] != strconv.Itoa(code) {
			t.Errorf("README.md says %s, package cli has %d", s[0], code)
		}
	}
}

func TestFigureWrong(t *testing.T) {
	f := figure{says: `takes ([\d.]+ \w+)`, is: `time: ([\d.]+ ?\w+)`, within: .05}
	for _, test := range []struct {
		document, source string
		ok               bool
	}{
		{"it takes 5 min", "time: 5min", true},
		{"it takes 1 min", "time: 5min", false},
		{"it takes 0.3 s", "time: 295 ms", true},
		{"it takes 0.3 s and takes 3 s", "time: 295 ms", false},
		{"it lasts", "time: 5min", false},
		{"it takes 5 min", "", false},
		{"it takes 5 cm", "time: 5 cm", false},
	} {
		if wrong := f.wrong(test.document, test.source); (wrong == "") != test.ok {
			t.Errorf("%q from %q: %q", test.document, test.source, wrong)
		}
	}
}
