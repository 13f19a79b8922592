package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/account/audit"
	"poolcert/account/request"
)

func call(change ...func(*request.Call)) *request.Call {
	c := &request.Call{
		ID: "id", API: request.Batch, Operation: "certificate.add", Audited: true, Address: "192.0.2.1:5", Began: time.Date(2026, 1, 31, 1, 2, 3, 4567890, time.UTC),
		Auth: request.Key, Who: "primary", Account: "acct", Thumbprint: "00ff", Status: 201,
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func stranger(c *request.Call) { c.Auth, c.Who, c.Status, c.Code = "", "", 403, "AuthenticationFailed" }

// lines decodes a log; each line must be one object.
func lines(t *testing.T, text []byte) []audit.Record {
	t.Helper()
	var all []audit.Record
	for line := range bytes.Lines(text) {
		var r audit.Record
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v in line %q", err, line)
		}
		all = append(all, r)
	}
	return all
}

// writes keeps what it is given by each call of Write.
type writes struct{ all []string }

func (w *writes) Write(p []byte) (int, error) { w.all = append(w.all, string(p)); return len(p), nil }

func TestLine(t *testing.T) {
	var out writes
	l := audit.New(&out, audit.Config{})
	if err := l.Begin(call()); err != nil {
		t.Fatal(err)
	}
	l.End(call())
	l.End(call(func(c *request.Call) {
		c.Operation, c.Pool, c.References, c.Code, c.Status = "pool.patch", "p", []string{}, "PoolNotFound", 404
	}))
	l.End(call(func(c *request.Call) { c.Audited, c.Operation, c.Status = false, "certificate.show", 200 })) // told by the ordinary log only
	l.End(call(func(c *request.Call) { c.Auth, c.Status, c.Code = "", 503, "ServerBusy" }))                  // nobody was refused
	want := []string{
		`{"time":"2026-01-31T01:02:03.005Z","operation":"certificate.add","result":"ok","status":201,"account":"acct","auth":"key","who":"primary","address":"192.0.2.1:5","request_id":"id","thumbprint":"00ff"}` + "\n",
		`{"time":"2026-01-31T01:02:03.005Z","operation":"pool.patch","result":"PoolNotFound","status":404,"account":"acct","auth":"key","who":"primary","address":"192.0.2.1:5","request_id":"id","pool":"p","thumbprint":"00ff","references":[]}` + "\n",
	}
	if strings.Join(out.all, "") != strings.Join(want, "") || len(out.all) != len(want) {
		t.Errorf("got %q\nwant %q", out.all, want)
	}
}

// Strangers can't fill the disk, and what they did is not lost without a word.
func TestStrangersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := audit.New(&out, audit.Config{Required: true})
		for range 1000 {
			if err := l.Begin(call(stranger)); err != nil {
				t.Fatal(err)
			}
			l.End(call(stranger, func(c *request.Call) { c.Operation, c.Audited = "", false }))
		}
		got := lines(t, out.Bytes())
		if len(got) != 20 || got[0].Operation != "authenticate" || got[0].Auth != "" || got[0].Result != "AuthenticationFailed" {
			t.Fatalf("got %d lines, such as %+v; want 20", len(got), got[0])
		}
		time.Sleep(time.Second) // in the bubble
		l.End(call(stranger))
		l.End(call())
		got = lines(t, out.Bytes())
		if len(got) != 22 || got[20].Suppressed != 980 || got[21].Suppressed != 0 {
			t.Errorf("got %d lines, at the end %+v; want 980 suppressed", len(got), got[20:])
		}
	})
}

// brokenDisk takes a part of a line, then nothing, until it is mended.
type brokenDisk struct {
	bytes.Buffer
	left int // bytes that fit; -1: all
}

var errFull = errors.New("no space left")

func (d *brokenDisk) Write(p []byte) (int, error) {
	if d.left < 0 || d.left >= len(p) {
		return d.Buffer.Write(p)
	}
	n, _ := d.Buffer.Write(p[:d.left])
	d.left = 0
	return n, errFull
}

func TestFullDisk(t *testing.T) {
	var log bytes.Buffer
	disk := &brokenDisk{left: -1}
	l := audit.New(disk, audit.Config{Required: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := l.Begin(call()); err != nil || l.Failing() {
		t.Fatal(err)
	}
	l.End(call())
	disk.left = 10
	if err := l.Begin(call()); !errors.Is(err, audit.ErrFailing) || !errors.Is(err, errFull) || !l.Failing() {
		t.Errorf("begin on a full disk: %v, failing %t", err, l.Failing())
	}
	if err := l.Begin(call(stranger)); !errors.Is(err, audit.ErrFailing) {
		t.Errorf("begin of a stranger on a full disk: %v", err)
	}
	l.End(call(func(c *request.Call) { c.Thumbprint = "lost" }))
	if l.Failures() != 2 || !strings.Contains(log.String(), "lost") || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("%d failures, log %s; want 2, with the record", l.Failures(), &log)
	}
	disk.left = -1
	if err := l.Begin(call()); err != nil || l.Failing() {
		t.Errorf("after the disk was mended: %v, failing %t", err, l.Failing())
	}
	l.End(call())
	whole, torn := 0, 0
	for line := range bytes.Lines(disk.Bytes()) {
		if json.Valid(line) {
			whole++
		} else {
			torn++
		}
	}
	if whole != 4 || torn != 1 {
		t.Errorf("got %d whole lines and %d torn ones, want 4 and 1:\n%s", whole, torn, disk)
	}
}

// Without Required, what can't be recorded runs all the same.
func TestNotRequired(t *testing.T) {
	l := audit.New(&brokenDisk{}, audit.Config{})
	l.End(call())
	if err := l.Begin(call()); err != nil || !l.Failing() {
		t.Errorf("begin: %v, failing %t", err, l.Failing())
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.log")
	l, err := audit.Open(path, audit.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	// Two processes share the file.
	other, err := audit.Open(path, audit.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for _, l := range []*audit.Log{l, other} {
		writers.Go(func() {
			for range 500 {
				l.End(call(func(c *request.Call) { c.References = make([]string, 1000) }))
			}
		})
	}
	writers.Wait()
	read := func(path string) []byte {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if n := len(lines(t, read(path))); n != 1000 {
		t.Errorf("got %d lines, want 1000", n)
	}

	// Rotation: until it is told, the log goes on in the file that was moved away.
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	l.End(call())
	if n := len(lines(t, read(path+".1"))); n != 1001 {
		t.Errorf("got %d lines in the old file, want 1001", n)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.End(call())
	if n := len(lines(t, read(path))); n != 1 {
		t.Errorf("got %d lines in the new file, want 1", n)
	}

	// A new file that can't be had loses nothing.
	if err := os.Rename(path, path+".2"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); !errors.Is(err, audit.ErrFile) {
		t.Errorf("reopen: %v", err)
	}
	l.End(call())
	if n := len(lines(t, read(path+".2"))); n != 2 {
		t.Errorf("got %d lines after a failed reopen, want 2", n)
	}
	if err := errors.Join(l.Close(), other.Close()); err != nil {
		t.Error(err)
	}
	l.End(call())
	if l.Failures() != 1 {
		t.Error("a line after Close did not fail")
	}
}

// A line that a crash cut off doesn't take the next one with it.
func TestTornFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("{\"time\":\"2026"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(path, audit.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.End(call())
	text, _ := os.ReadFile(path)
	_, second, _ := bytes.Cut(text, []byte("\n"))
	if len(lines(t, second)) != 1 {
		t.Errorf("got %s", text)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, path := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none", "audit.log"), os.DevNull} {
		if l, err := audit.Open(path, audit.Config{}); !errors.Is(err, audit.ErrFile) {
			t.Errorf("%s: got %v, %v; want ErrFile", path, l, err)
		}
	}
	if _, err := audit.Open(filepath.Join(t.TempDir(), "none", "audit.log"), audit.Config{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want its cause", err)
	}
}
