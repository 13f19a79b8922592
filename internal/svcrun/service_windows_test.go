package svcrun

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"

	"poolcert/internal/testtool"
)

// TestMain is the service, too: with the argument serve, it does what the next one says,
// and writes it down in a file.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		os.Exit(serve(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

const testName = "poolcert-svcrun-test"

func serve(what, file string) int {
	note := func(text string) {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			f.WriteString(text + "\n")
			f.Close()
		}
	}
	s := &Service{Name: testName, Program: `\\server\share\p.exe`, Ended: func(err error) { note("told: " + err.Error()) }}
	run := s.Run // which refuses what is no file of this computer
	if what != "open" {
		run = func(ctx context.Context, work func(context.Context, *Host) error) error {
			return s.runChecked(ctx, func(string) error { return nil }, work) // test programs lie where all can write
		}
	}
	err := run(context.Background(), func(ctx context.Context, host *Host) error {
		if !host.Managed {
			note("console")
			return nil
		}
		note("began")
		switch what {
		case "fail":
			return errors.New("as asked")
		case "give up":
			return Final(errors.New("as asked"))
		case "die":
			host.Ready()
			f, err := os.Create(file + ".ready")
			if err != nil {
				return err
			}
			f.Close()
			for !exists(file + ".die") { // in another process
				select {
				case <-ctx.Done():
					return nil
				case <-time.After(50 * time.Millisecond):
				}
			}
			return errors.New("as asked")
		case "reload":
			host.Ready()
			select {
			case <-host.Changed:
				note("changed")
			case <-ctx.Done():
				return nil
			}
		case "hang":
			host.Ready()
			<-ctx.Done()
			select {}
		}
		host.Ready()
		<-ctx.Done()
		note("ended")
		return nil
	})
	if err != nil {
		return 3
	}
	return 0
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// installed installs this program as a service that does what is said, and returns it
// with the file that it writes.
func installed(t *testing.T, what string) (*Service, string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "a service's notes")
	s := &Service{Name: testName, Title: "svcrun's test", Description: "It may be removed.", Program: program, Args: []string{"serve", what, file}, Warn: func(err error) { t.Logf("warning: %v", err) }}
	if err := s.installWith(scm{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.uninstallWith(context.Background(), scm{}); err != nil && !errors.Is(err, ErrNotInstalled) {
			t.Error(err)
		}
	})
	return s, file
}

func notes(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(data)), " ")
}

func query(t *testing.T) string {
	t.Helper()
	out, _ := exec.Command("sc.exe", "query", testName).CombinedOutput()
	return string(bytes.ReplaceAll(out, []byte("\r"), nil))
}

// A service's life, as its manager sees it.
func TestLife(t *testing.T) {
	s, file := installed(t, "run")
	ctx := t.Context()
	do := func(verb, want string) {
		t.Helper()
		began := time.Now()
		if err := s.controlWith(ctx, scm{}, verb); err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
		t.Logf("%s: %v", verb, time.Since(began).Round(time.Millisecond))
		if got := query(t); !strings.Contains(got, want) {
			t.Errorf("after %s: want %s in\n%s", verb, want, got)
		}
	}
	do("start", "RUNNING")
	do("start", "RUNNING") // again
	if st, err := s.Standing(); err != nil || !st.Running || !st.Automatic || st.Program != s.Program || st.Account != "LocalSystem" {
		t.Errorf("standing %+v, %v", st, err)
	}
	do("restart", "RUNNING")
	do("stop", "STOPPED")
	do("stop", "STOPPED")
	do("restart", "RUNNING")
	if err := s.installWith(scm{}); err != nil { // while it runs
		t.Error(err)
	}
	if got, want := notes(t, file), "began ended began ended began"; got != want {
		t.Errorf("the service noted %q, want %q", got, want)
	}
	source := `SYSTEM\CurrentControlSet\Services\EventLog\Application\` + testName
	if key, err := registry.OpenKey(registry.LOCAL_MACHINE, source, registry.READ); err != nil {
		t.Errorf("the source of events: %v", err)
	} else {
		key.Close()
	}
	if err := s.uninstallWith(ctx, scm{}); err != nil { // it runs
		t.Fatal(err)
	}
	if got, want := notes(t, file), "began ended began ended began ended"; got != want {
		t.Errorf("the service noted %q, want %q", got, want)
	}
	if _, err := registry.OpenKey(registry.LOCAL_MACHINE, source, registry.READ); !errors.Is(err, registry.ErrNotExist) {
		t.Errorf("the source of events is left: %v", err)
	}
	for _, err := range []error{
		standing(s), s.uninstallWith(ctx, scm{}), s.controlWith(ctx, scm{}, "start"), s.controlWith(ctx, scm{}, "stop"),
	} {
		if !errors.Is(err, ErrNotInstalled) {
			t.Errorf("after uninstall: %v", err)
		}
	}
}

func standing(s *Service) error { _, err := s.Standing(); return err }

// The manager sees work that fails as a process that died.
func TestFailure(t *testing.T) {
	testtool.SkipUnderWine(t, "a service that dies while it starts is START_PENDING for ever")
	s, file := installed(t, "fail")
	if err := s.controlWith(t.Context(), scm{}, "start"); !errors.Is(err, ErrFailed) {
		t.Errorf("start: %v", err)
	}
	if got := notes(t, file); got != "began" {
		t.Errorf("the service noted %q", got)
	}
}

// A service that gives up has stopped, for its manager, and is not started again.
func TestGivesUp(t *testing.T) {
	for what, want := range map[string]string{
		"give up": "began told: as asked",
		"open":    "told: " + ErrOpenProgram.Error(),
	} {
		s, file := installed(t, what)
		if err := s.controlWith(t.Context(), scm{}, "start"); !errors.Is(err, ErrFailed) {
			t.Errorf("%s: start: %v", what, err)
		}
		if now, exit, err := (scm{}).state(testName); now != stopped || exit != 0 || err != nil {
			t.Errorf("%s: state %d, exit code %d, %v", what, now, exit, err)
		}
		if got := notes(t, file); !strings.HasPrefix(got, want) {
			t.Errorf("%s: the service noted %q", what, got)
		}
		if err := s.uninstallWith(t.Context(), scm{}); err != nil {
			t.Error(err)
		}
	}
}

// Install looks at the program first, and makes no service of what it refuses.
func TestInstallChecks(t *testing.T) {
	s := &Service{Name: testName, Program: `\\server\share\p.exe`}
	if err := s.Install(t.Context()); !errors.Is(err, ErrOpenProgram) {
		t.Errorf("a program on a share: %v", err)
	}
	if err := standing(s); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("it is a service all the same: %v", err)
	}
}

func TestDeath(t *testing.T) {
	s, file := installed(t, "die")
	if err := s.controlWith(t.Context(), scm{}, "start"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+".die", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	now, exit, err := s.await(t.Context(), scm{}, 20*time.Second, stopped)
	if err != nil || now != stopped || exit == 0 {
		t.Errorf("state %d, exit code %d, %v\n%s", now, exit, err, query(t))
	}
	t.Logf("%s", query(t))
}

// A service that hangs stops all the same.
func TestHang(t *testing.T) {
	s, _ := installed(t, "hang")
	if err := s.controlWith(t.Context(), scm{}, "start"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.controlWith(t.Context(), scm{}, "stop"); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > stopTime+2*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}

func TestReload(t *testing.T) {
	s, file := installed(t, "reload")
	if err := s.controlWith(t.Context(), scm{}, "reload"); !errors.Is(err, ErrStopped) {
		t.Errorf("before the start: %v", err)
	}
	for _, verb := range []string{"start", "reload", "stop"} {
		if err := s.controlWith(t.Context(), scm{}, verb); err != nil {
			t.Fatalf("%s: %v", verb, err)
		}
	}
	if got := notes(t, file); got != "began changed ended" {
		t.Errorf("the service noted %q", got)
	}
}

// In a console, the same program simply works.
func TestConsole(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "notes")
	began := time.Now()
	if out, err := exec.Command(program, "serve", "run", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%v", time.Since(began))
	if got := notes(t, file); got != "console" {
		t.Errorf("noted %q", got)
	}
}

func TestRegistration(t *testing.T) {
	s, file := installed(t, "run")
	s.Args = []string{"serve", `say "no"`, file}
	if err := s.installWith(scm{}); err != nil {
		t.Fatal(err)
	}
	r, err := scm{}.registration(testName)
	if err != nil {
		t.Fatal(err)
	}
	if want := windows.ComposeCommandLine(append([]string{s.Program}, s.Args...)); windows.ComposeCommandLine(r.Command) != want || r.Title != s.Title {
		t.Errorf("got %q of %q, want %q", r.Command, r.Title, want)
	}
}
