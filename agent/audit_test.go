package agent

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/decrypt/local"
	"poolcert/internal/linefile"
	"poolcert/internal/localsock"
	"poolcert/internal/testtool"
)

func testUse() local.Use {
	return local.Use{
		Time: time.Date(2026, 11, 23, 12, 0, 0, 123_456_789, time.UTC),
		Caller: localsock.Caller{UID: 1000, GID: 100, PID: 7, Process: localsock.Process{
			Executable: "/usr/bin/poolcert", Command: "poolcert", Cgroups: []string{"/system.slice/slurmstepd.scope/job_42/step_0"},
		}},
		Operation: "unwrap", Form: "cms", Thumbprint: batch.Thumbprint{1}, Result: "ok",
	}
}

func TestAuditFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	var failures atomic.Uint64
	var log bytes.Buffer
	a, err := openAudit(&AuditConfig{File: path}, slog.New(slog.NewTextHandler(&log, nil)), &failures)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { a.write(testUse()) })
	}
	wg.Wait()
	a.close()
	agenttest.WantMode(t, path, 0o600)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"time":"2026-11-23T12:00:00.123Z","uid":1000,"gid":100,"pid":7,"executable":"/usr/bin/poolcert","command":"poolcert",` +
		`"cgroups":["/system.slice/slurmstepd.scope/job_42/step_0"],"job":"42","operation":"unwrap","form":"cms",` +
		`"thumbprint":"0100000000000000000000000000000000000000","result":"ok"}` + "\n"
	if string(data) != strings.Repeat(want, 50) {
		t.Errorf("got\n%s", data)
	}
	if log.Len() > 0 || failures.Load() > 0 {
		t.Errorf("%d failures, log:\n%s", failures.Load(), &log)
	}
}

// A line that was cut, as on a full disk, harms no other.
func TestAuditFileIsTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("{}\n{\"ti"), 0o640); err != nil {
		t.Fatal(err)
	}
	a, err := openAudit(&AuditConfig{File: path}, slog.New(slog.DiscardHandler), new(atomic.Uint64))
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	a.write(testUse())
	a.write(testUse())
	data, err := os.ReadFile(path)
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if err != nil || len(lines) != 4 || !json.Valid([]byte(lines[2])) || !json.Valid([]byte(lines[3])) {
		t.Errorf("error %v, got %q", err, lines)
	}
	agenttest.WantMode(t, path, 0o640)
}

// What cannot be written is counted, and in the log; why, once a minute.
func TestAuditFails(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	var failures atomic.Uint64
	var log bytes.Buffer
	a := &audit{log: slog.New(slog.NewTextHandler(&log, nil)), failures: &failures, lines: linefile.New(full)}
	a.write(testUse())
	a.write(testUse())
	if failures.Load() != 2 || strings.Count(log.String(), "key used") != 2 || strings.Count(log.String(), "level=ERROR") != 1 {
		t.Errorf("%d failures, log:\n%s", failures.Load(), &log)
	}
	if page := metricsPage(&Status{}, &uses{}); !strings.Contains(page, "poolcert_agent_audit_failures_total 0\n") {
		t.Errorf("no count in the metrics:\n%s", page)
	}
}

func TestAuditFileIsNoLink(t *testing.T) {
	testtool.SkipUnderWine(t, "makes no symbolic links")
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), link); err != nil {
		t.Fatal(err)
	}
	if a, err := openAudit(&AuditConfig{File: link}, nil, nil); err == nil {
		t.Error("it was opened")
		a.close()
	}
}

func TestAuditRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "missing", "audit.log")} {
		if a, err := openAudit(&AuditConfig{File: path}, nil, nil); err == nil {
			t.Errorf("%s was opened", path)
			a.close()
		}
	}
	if _, err := ParseConfig("[audit]\nfile = \"audit.log\""); err == nil || !strings.Contains(err.Error(), "audit.file") {
		t.Errorf("a relative path: error %v", err)
	}
}
