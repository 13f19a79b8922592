package svcrun

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/internal/testtool"
	"poolcert/packaging/systemd"
)

// A host is a directory that looks like a system with systemd. Its systemctl
// writes down what it is asked, and fails as fail says.
type host struct {
	t *testing.T
	layout
	dir string
}

func newHost(t *testing.T) *host {
	t.Helper()
	dir := t.TempDir()
	h := &host{t, layout{
		running: filepath.Join(dir, "run"), own: filepath.Join(dir, "etc"),
		packaged: []string{filepath.Join(dir, "usr")}, systemctl: filepath.Join(dir, "systemctl"),
	}, dir}
	for _, name := range []string{"run", "etc", "usr"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script := "#!/bin/sh\necho \"$@\" >> '" + dir + "/asked'\nif grep -qs -- \"$2\" '" + dir + "/fail'; then echo 'it is broken' >&2; exit 5; fi\n"
	if err := os.WriteFile(h.systemctl, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *host) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

// asked returns what systemctl was asked since the last call.
func (h *host) asked() string {
	data, _ := os.ReadFile(filepath.Join(h.dir, "asked"))
	os.Remove(filepath.Join(h.dir, "asked"))
	return strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(string(data)), "--no-ask-password ", ""), "\n", "; ")
}

func (h *host) units() int {
	entries, err := os.ReadDir(h.own)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(entries)
}

func testService(program string, args ...string) *Service {
	return &Service{Name: "poolcert-agent", Program: program, Args: args, Unit: systemd.Agent, UnitProgram: systemd.AgentProgram}
}

func TestInstall(t *testing.T) {
	h := newHost(t)
	s := testService("/opt/my tools/poolcert-agent", "--config", `/etc/100%/"a$b".toml`, "run")
	if err := s.installTo(t.Context(), h.layout); err != nil {
		t.Fatal(err)
	}
	if got, want := h.asked(), "daemon-reload; enable poolcert-agent.service"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	unit, err := os.ReadFile(filepath.Join(h.own, "poolcert-agent.service"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"# Made by 'poolcert-agent install'.", "\nType=notify\n", "\nWatchdogSec=",
		"\n" + `ExecStart="/opt/my tools/poolcert-agent" --config "/etc/100%%/\"a$$b\".toml" run` + "\n",
	} {
		if !strings.Contains(string(unit), want) {
			t.Errorf("no %q in\n%s", want, unit)
		}
	}

	// Again with other arguments; then it goes.
	if err := testService("/usr/bin/poolcert-agent", "run").installTo(t.Context(), h.layout); err != nil {
		t.Error(err)
	}
	if unit, _ := os.ReadFile(filepath.Join(h.own, "poolcert-agent.service")); !strings.Contains(string(unit), "\nExecStart=/usr/bin/poolcert-agent run\n") {
		t.Errorf("not changed:\n%s", unit)
	}
	h.asked()
	for _, verb := range []string{"start", "stop", "restart", "reload"} {
		if err := s.controlIn(t.Context(), h.layout, verb); err != nil || h.asked() != verb+" poolcert-agent.service" {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if err := s.uninstallFrom(t.Context(), h.layout); err != nil || h.units() != 0 {
		t.Errorf("uninstall: %v, %d units", err, h.units())
	}
	if got, want := h.asked(), "disable --now poolcert-agent.service; daemon-reload"; got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	if err := s.uninstallFrom(t.Context(), h.layout); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("uninstall again: %v", err)
	}
	if err := s.controlIn(t.Context(), h.layout, "start"); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("start: %v", err)
	}
}

// A failure leaves what was there before.
func TestInstallFails(t *testing.T) {
	for _, verb := range []string{"daemon-reload", "enable"} {
		h := newHost(t)
		h.write("fail", verb)
		s := testService("/usr/bin/poolcert-agent", "run")
		err := s.installTo(t.Context(), h.layout)
		if err == nil || !strings.Contains(err.Error(), "systemctl "+verb) || !strings.Contains(err.Error(), "it is broken") || h.units() != 0 {
			t.Errorf("%s: %v, %d units", verb, err, h.units())
		}
		old := s.madeBy() + "old\n"
		h.write("etc/poolcert-agent.service", old)
		if err := s.installTo(t.Context(), h.layout); err == nil {
			t.Errorf("%s: no error", verb)
		}
		if have, _ := os.ReadFile(filepath.Join(h.own, "poolcert-agent.service")); string(have) != old {
			t.Errorf("%s: the old unit is now %q", verb, have)
		}
	}
}

// What someone else made is left alone.
func TestInstallBesideOthers(t *testing.T) {
	s := testService("/opt/poolcert-agent", "run")
	h := newHost(t)
	h.write("etc/poolcert-agent.service", "[Service]\n")
	if err := s.installTo(t.Context(), h.layout); !errors.Is(err, ErrForeign) {
		t.Errorf("over an administrator's unit: %v", err)
	}
	if err := s.uninstallFrom(t.Context(), h.layout); !errors.Is(err, ErrForeign) {
		t.Errorf("uninstall an administrator's unit: %v", err)
	}
	h = newHost(t)
	h.write("usr/poolcert-agent.service", systemd.Agent)
	if err := s.installTo(t.Context(), h.layout); !errors.Is(err, ErrForeign) || h.asked() != "" {
		t.Errorf("beside a package's unit: %v", err)
	}
	if err := testService(systemd.AgentProgram, "run").installTo(t.Context(), h.layout); err != nil || h.units() != 0 || h.asked() != "enable poolcert-agent.service" {
		t.Errorf("the package's own: %v, %d units", err, h.units())
	}
}

// Without systemd, nothing is written, and no other init system is tried.
func TestInstallWithoutSystemd(t *testing.T) {
	h := newHost(t)
	os.Remove(h.running)
	s := testService("/opt/poolcert-agent", "run")
	for name, err := range map[string]error{
		"install": s.installTo(t.Context(), h.layout), "uninstall": s.uninstallFrom(t.Context(), h.layout),
		"start": s.controlIn(t.Context(), h.layout, "start"),
	} {
		if !errors.Is(err, ErrPlatform) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if h.units() != 0 || h.asked() != "" {
		t.Error("something was done")
	}
}

// A program that others can exchange is no service of root's.
func TestCheckProgram(t *testing.T) {
	testtool.NeedRoot(t, "to have files of root")
	dir := t.TempDir()
	folder, program := filepath.Join(dir, "bin"), filepath.Join(dir, "bin", "p")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(program, link); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what   string
		change func() error
		open   bool
	}{
		{"as it should be", func() error { return nil }, false},
		{"a program of others", func() error { return os.Chown(program, 54_321, 0) }, true},
		{"root's again", func() error { return os.Chown(program, 0, 0) }, false},
		{"a folder that a group can write", func() error { return os.Chmod(folder, 0o775) }, true},
		{"a sticky one", func() error { return os.Chmod(folder, 0o775|os.ModeSticky) }, false},
		{"a program that others can write", func() error { return os.Chmod(program, 0o757) }, true},
	} {
		if err := test.change(); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{program, link} {
			if err := checkProgram(path); errors.Is(err, ErrOpenProgram) != test.open || !test.open && err != nil {
				t.Errorf("%s: %v", test.what, err)
			}
		}
	}
}
