package eventlog_test

import (
	"log/slog"
	"testing"

	"golang.org/x/sys/windows/svc/eventlog"

	ours "poolcert/internal/eventlog"
)

// The event log of the system takes what the handler makes.
func TestSource(t *testing.T) {
	const name = "poolcert-eventlog-test"
	if have, err := ours.IsRegistered(name); err != nil || have {
		t.Fatalf("registered: %t, %v", have, err)
	}
	if err := eventlog.InstallAsEventCreate(name, eventlog.Error|eventlog.Warning|eventlog.Info); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := eventlog.Remove(name); err != nil {
			t.Error(err)
		}
	})
	if have, err := ours.IsRegistered(name); err != nil || !have {
		t.Errorf("registered: %t, %v", have, err)
	}
	source, err := ours.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	h := ours.New(source, ours.Options{IDs: map[string]uint32{"made": 100}})
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if err := h.Handle(t.Context(), slog.Record{Level: level, Message: "made"}); err != nil {
			t.Errorf("%v: %v", level, err)
		}
	}
}
