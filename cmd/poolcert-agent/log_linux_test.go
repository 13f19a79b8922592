package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestJournalHandler(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(newJournalHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	log.Debug("d")
	log.With("pool", "p").WithGroup("g").Info("i", "time", 5)
	log.Warn("w", "err", errors.New("two\nlines"))
	log.Error("e")
	want := "<7>msg=d\n<6>msg=i pool=p g.time=5\n<4>msg=w err=\"two\\nlines\"\n<3>msg=e\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Text has the journal's form if it goes to the journal, and json never.
func TestLogToJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	stream := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	for _, test := range []struct{ stream, format, want string }{
		{stream, "text", "<6>msg=x"},
		{stream, "json", `{"time"`},
		{stream + "1", "text", "time="},
		{"", "text", "time="},
	} {
		t.Setenv("JOURNAL_STREAM", test.stream)
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		f.Seek(0, 0)
		newLog(f, test.format, slog.LevelInfo).Info("x")
		if data, _ := os.ReadFile(path); !strings.HasPrefix(string(data), test.want) {
			t.Errorf("%+v: got %q", test, data)
		}
	}
}
