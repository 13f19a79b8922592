package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What join says of the service, and what it has systemd do.
func TestAfterJoin(t *testing.T) {
	dir := t.TempDir()
	before := manager
	t.Cleanup(func() { manager = before })
	manager.running, manager.systemctl = dir, filepath.Join(dir, "systemctl")
	const start = "--no-ask-password restart --no-block poolcert-agent.service\n"
	for _, test := range []struct{ name, enabled, start, asked, want string }{
		{"enabled", "echo enabled", "true", start, "the agent starts; 'poolcert-agent status' says how it is"},
		{"enabled, and it cannot be told", "echo enabled", "false", start, "to start the agent: systemctl start poolcert-agent"},
		{"disabled", "echo disabled; false", "true", "", "to start the agent now, and at each boot: systemctl enable --now poolcert-agent"},
		{"no unit", "echo 'Failed to get unit file state' >&2; false", "true", "", "to start the agent: 'poolcert-agent install', then 'poolcert-agent start'"},
	} {
		t.Run(test.name, func(t *testing.T) {
			asked := filepath.Join(t.TempDir(), "asked")
			script := "#!/bin/sh\nif [ \"$*\" = 'is-enabled poolcert-agent.service' ]; then " + test.enabled + "; exit; fi\necho \"$*\" >>" + asked + "\n" + test.start + "\n"
			if err := os.WriteFile(manager.systemctl, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			if got := (&options{}).afterJoin(t.Context()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got, _ := os.ReadFile(asked); string(got) != test.asked {
				t.Errorf("systemctl was called with %q, want %q", got, test.asked)
			}
		})
	}
	if got := (&options{stateDir: dir}).afterJoin(t.Context()); got != "" {
		t.Errorf("with a folder that the unit does not know: %q", got)
	}
	manager.running += "/none"
	if got := (&options{}).afterJoin(t.Context()); got != "" {
		t.Errorf("without systemd: %q", got)
	}
}
