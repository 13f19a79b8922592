package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"poolcert/agent"
	"poolcert/internal/cli"
	"poolcert/internal/eventlog"
	"poolcert/internal/svcrun"
)

// Each id stands for one message, which something logs.
func TestEvents(t *testing.T) {
	files, err := filepath.Glob("../../agent/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var source strings.Builder
	for _, file := range append(files, "run.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(data)
	}
	ids := make(map[uint32]string)
	for message, id := range events {
		if id != eventlog.Skip && (id <= eventlog.Generic || id > 1000) {
			t.Errorf("%q has id %d", message, id)
		}
		if other, ok := ids[id]; ok {
			t.Errorf("%q and %q have one id", message, other)
		}
		ids[id] = message
		ours := message == agentEnded || message == certificateInstalled || message == certificateRemoved
		if !ours && !strings.Contains(source.String(), `"`+message+`"`) {
			t.Errorf("nothing logs %q", message)
		}
	}
}

// A fakeLog keeps events in the form ID TEXT.
type fakeLog struct{ events []string }

func (l *fakeLog) add(id uint32, text string) error {
	l.events = append(l.events, fmt.Sprintf("%d %s", id, strings.ReplaceAll(text, "\r\n", " ")))
	return nil
}

func (l *fakeLog) Info(id uint32, text string) error    { return l.add(id, text) }
func (l *fakeLog) Warning(id uint32, text string) error { return l.add(id, "warning: "+text) }
func (l *fakeLog) Error(id uint32, text string) error   { return l.add(id, "error: "+text) }

func TestEventsOfCertificates(t *testing.T) {
	l := &fakeLog{}
	log := slog.New(newEventHandler(l, nil)).With("pool", "p")
	log.Info(setChanged, "total", 2, "installed", []string{"aa", "bb"}, "removed", []string{"cc"}, "changed", []string{"dd"})
	log.Info(setChanged, "total", 2, "installed", []string{}, "changed", []string{"dd"})
	log.Info("certificate renewed", "name", "web", "thumbprint", "bb", "old", "aa")
	log.Warn("certificate not installed", "thumbprint", "ee", "err", errors.New("wrong password"))
	log.Info("key used", "use", 1)
	log.Info("anything else")
	want := []string{
		"100 certificate installed pool=p thumbprint=aa",
		"100 certificate installed pool=p thumbprint=bb",
		"101 certificate removed pool=p thumbprint=cc",
		"102 certificate renewed pool=p name=web thumbprint=bb old=aa",
		`110 warning: certificate not installed pool=p thumbprint=ee err="wrong password"`,
		"1 anything else pool=p",
	}
	if diff := cmp.Diff(want, l.events); diff != "" {
		t.Error(diff)
	}
	if data, err := os.ReadFile("../../agent/names.go"); err != nil || !strings.Contains(string(data), `"`+setChanged+`", "total", len(next), "installed", added, "removed", removed`) {
		t.Errorf("the agent tells of changes in another way: %v", err)
	}
}

func TestOpenLogs(t *testing.T) {
	dir := t.TempDir()
	host := &svcrun.Host{Ready: func() {}}
	for _, test := range []struct {
		name   string
		config agent.LogConfig
		file   string // what begins the log file, "" for none
		stderr string
	}{
		{"no file", agent.LogConfig{Format: "json"}, "", `{"time":`},
		{"text", agent.LogConfig{Format: "text", File: filepath.Join(dir, "new", "text.log")}, "time=", ""},
		{"json", agent.LogConfig{Format: "json", File: filepath.Join(dir, "json.log")}, `{"time":`, ""},
		{"a file that cannot be", agent.LogConfig{Format: "text", File: dir}, "", "time="},
	} {
		var stderr bytes.Buffer
		l := openLogs(&test.config, host, &stderr, nil)
		l.Info("x")
		l.close()
		data, _ := os.ReadFile(test.config.File)
		for got, want := range map[string]string{string(data): test.file, stderr.String(): test.stderr} {
			if !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("%s: got %q, want %q", test.name, got, want)
			}
		}
		if failed := strings.Contains(stderr.String(), "a part of the log is missing"); failed != (test.config.File == dir) {
			t.Errorf("%s: %s", test.name, stderr.String())
		}
	}
}

func TestEndAttributes(t *testing.T) {
	err := errors.New("it is broken")
	if got := endAttributes(err); len(got) != 2 {
		t.Errorf("got %q", got)
	}
	if got := endAttributes(cli.Hint(err, "mend it")); len(got) != 4 || got[3] != "mend it" {
		t.Errorf("got %q", got)
	}
}
