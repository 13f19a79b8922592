package svcrun

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A fakeManager has one service at most, and writes down what it is asked.
type fakeManager struct {
	have *registration // nil: not installed

	mu   sync.Mutex
	now  state
	exit uint32

	slow time.Duration // until a start or a stop is over; -1: never
	dies bool          // when it is started
	fail string        // the call that fails
	lack string        // the settings that are not known
	log  []string
}

var errFake = errors.New("it is broken")

func (f *fakeManager) did(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	f.log = append(f.log, call)
	name, _, _ := strings.Cut(call, " ")
	switch {
	case f.fail == name:
		f.fail = "" // once: to undo may work
		return errFake
	case strings.Contains(f.lack, name):
		return errUnknownSetting
	}
	return nil
}

func (f *fakeManager) create(name string, r *registration) error {
	if err := f.did("create %s %q %q", name, r.Command, r.Account); err != nil {
		return err
	}
	f.have = r
	return nil
}

func (f *fakeManager) remove(name string) error {
	err := f.did("remove %s", name)
	if err == nil {
		f.have = nil
	}
	return err
}

func (f *fakeManager) registration(string) (*registration, error) {
	if f.have == nil {
		return nil, ErrNotInstalled
	}
	return f.have, nil
}

func (f *fakeManager) change(_ string, r *registration) error {
	if err := f.did("change %q %q", r.Command, r.Account); err != nil {
		return err
	}
	f.have = r
	return nil
}

func (f *fakeManager) setDelayed(_ string, on bool) error       { return f.did("delayed %t", on) }
func (f *fakeManager) setSIDType(_ string, t uint32) error      { return f.did("sid %d", t) }
func (f *fakeManager) setPrivileges(_ string, p []string) error { return f.did("privileges %s", p) }
func (f *fakeManager) setPreshutdown(_ string, d time.Duration) error {
	return f.did("preshutdown %v", d)
}
func (f *fakeManager) setRecovery(_ string, r []time.Duration, reset time.Duration) error {
	return f.did("recovery %v %v", r, reset)
}
func (f *fakeManager) setRecoveryOnError(_ string, on bool) error { return f.did("on-error %t", on) }

// later has the service in a state when it is not slow any more.
func (f *fakeManager) later(then state, exit uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = changing
	switch {
	case f.slow < 0:
	case f.slow == 0:
		f.now, f.exit = then, exit
	default:
		time.AfterFunc(f.slow, func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.now, f.exit = then, exit
		})
	}
}

func (f *fakeManager) start(string) error {
	err := f.did("start")
	if err != nil {
		return err
	}
	if f.dies {
		f.later(stopped, 1067)
	} else {
		f.later(running, 0)
	}
	return nil
}

func (f *fakeManager) stop(string) error {
	if now, _, _ := f.state(""); now == changing {
		return errNotNow
	}
	err := f.did("stop")
	if err == nil {
		f.later(stopped, 0)
	}
	return err
}

func (f *fakeManager) reload(string) error {
	if now, _, _ := f.state(""); now != running {
		return ErrStopped
	}
	return f.did("reload")
}

func (f *fakeManager) state(string) (state, uint32, error) {
	if f.have == nil {
		return stopped, 0, ErrNotInstalled
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, f.exit, nil
}

func agentService(args ...string) *Service {
	return &Service{Name: "agent", Title: "an agent", Program: `C:\Program Files\p\agent.exe`, Args: args}
}

var settings = []string{
	"delayed true", "sid 1", "privileges [SeChangeNotifyPrivilege SeImpersonatePrivilege]", "preshutdown 10s",
	"recovery [5s 10s 1m0s] 24h0m0s", "on-error true",
}

func TestRegister(t *testing.T) {
	f := &fakeManager{}
	s := agentService("--config", `C:\a b.toml`, "run")
	s.Account = `nt service\agent`
	if err := s.installWith(f); err != nil {
		t.Fatal(err)
	}
	want := append([]string{`create agent ["C:\\Program Files\\p\\agent.exe" "--config" "C:\\a b.toml" "run"] "nt service\\agent"`}, settings...)
	if diff := cmp.Diff(want, f.log); diff != "" {
		t.Error(diff)
	}

	// Again, from another place and as LocalSystem.
	f.log = nil
	other := &Service{Name: "agent", Program: `D:\AGENT.exe`, Args: []string{"run"}}
	if err := other.installWith(f); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append([]string{`change ["D:\\AGENT.exe" "run"] ""`}, settings...), f.log); diff != "" {
		t.Error(diff)
	}
}

// Whatever fails, there is what there was before.
func TestRegisterFails(t *testing.T) {
	for _, call := range []string{"create", "change", "delayed", "sid", "privileges", "preshutdown", "recovery", "on-error"} {
		for _, old := range []*registration{nil, {Command: []string{`C:\old\agent.exe`}}} {
			if (call == "create") != (old == nil) && (call == "create" || call == "change") {
				continue
			}
			f := &fakeManager{have: old, fail: call}
			if err := agentService("run").installWith(f); !errors.Is(err, errFake) {
				t.Errorf("%s: %v", call, err)
			}
			if f.have != old {
				t.Errorf("%s left %v of %v: %q", call, f.have, old, f.log)
			}
		}
	}
}

func TestRegisterWithout(t *testing.T) {
	f := &fakeManager{lack: "sid privileges"}
	s := agentService("run")
	var warnings []string
	s.Warn = func(err error) { warnings = append(warnings, err.Error()) }
	if err := s.installWith(f); err != nil || len(f.log) != 1+len(settings) {
		t.Errorf("%v: %q", err, f.log)
	}
	if diff := cmp.Diff([]string{"set the SID type: this system has no such setting", "set the required privileges: this system has no such setting"}, warnings); diff != "" {
		t.Error(diff)
	}
}

func TestRegisterBesideOthers(t *testing.T) {
	f := &fakeManager{have: &registration{Command: []string{`C:\agent.exe\other.exe`, "run"}}}
	s := agentService("run")
	for name, err := range map[string]error{"install": s.installWith(f), "uninstall": s.uninstallWith(t.Context(), f)} {
		if !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "other.exe") || len(f.log) > 0 {
			t.Errorf("%s: %v, %q", name, err, f.log)
		}
	}
}

func TestAccount(t *testing.T) {
	for account, ok := range map[string]bool{
		"": true, `NT SERVICE\agent`: true, `nt service\AGENT`: true, `CORP\agents$`: true,
		`NT SERVICE\other`: false, `CORP\person`: false, "agents$": false, `NT SERVICE\other$`: false,
		`NT AUTHORITY\LocalService`: false, `.\Administrator`: false,
	} {
		f := &fakeManager{}
		s := agentService("run")
		s.Account = account
		if err := s.installWith(f); (err == nil) != ok || !ok && !errors.Is(err, ErrAccount) || ok != (f.have != nil) {
			t.Errorf("%q: %v", account, err)
		}
	}
}

func TestControl(t *testing.T) {
	for _, test := range []struct {
		name string
		fake *fakeManager
		verb string
		want error
		log  string
		took time.Duration
	}{
		{"start", &fakeManager{slow: time.Second}, "start", nil, "start", time.Second},
		{"start again", &fakeManager{now: running}, "start", nil, "", 0},
		{"a start that fails", &fakeManager{slow: time.Second, dies: true}, "start", ErrFailed, "start", time.Second},
		{"a start that is refused", &fakeManager{fail: "start"}, "start", errFake, "start", 0},
		{"a start that hangs", &fakeManager{slow: -1}, "start", ErrSlow, "start", startLimit},
		{"stop", &fakeManager{now: running, slow: time.Second}, "stop", nil, "stop", time.Second},
		{"stop again", &fakeManager{}, "stop", nil, "", 0},
		{"a stop that hangs", &fakeManager{now: running, slow: -1}, "stop", ErrSlow, "stop", stopLimit},
		{"restart", &fakeManager{now: running, slow: time.Second}, "restart", nil, "stop start", 2 * time.Second},
		{"restart of what does not run", &fakeManager{}, "restart", nil, "start", 0},
		{"reload", &fakeManager{now: running}, "reload", nil, "reload", 0},
		{"reload of what does not run", &fakeManager{}, "reload", ErrStopped, "", 0},
		{"restart of what cannot be stopped", &fakeManager{now: running, fail: "stop"}, "restart", errFake, "stop", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := test.fake
			f.have = agentService("run").registration()
			began := time.Now()
			err := agentService("run").controlWith(t.Context(), f, test.verb)
			took := time.Since(began)
			if !errors.Is(err, test.want) || strings.Join(f.log, " ") != test.log || took < test.took || took > test.took+2*lookPause {
				t.Errorf("%s: %v after %v, %q", test.name, err, took, f.log)
			}
		})
	}
}

// A service that starts cannot be stopped at once.
func TestStopOfStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeManager{have: agentService("run").registration(), slow: 5 * time.Second}
		f.start("")
		if err := agentService("run").uninstallWith(t.Context(), f); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"start", "stop", "remove agent"}, f.log); diff != "" {
			t.Error(diff)
		}
	})
}

func TestControlEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f := &fakeManager{have: agentService("run").registration(), slow: -1}
		if err := agentService("run").controlWith(ctx, f, "start"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// Without a service, nothing is done.
func TestControlOfNothing(t *testing.T) {
	f := &fakeManager{}
	for _, verb := range []string{"start", "stop", "restart"} {
		if err := agentService("run").controlWith(t.Context(), f, verb); !errors.Is(err, ErrNotInstalled) || len(f.log) > 0 {
			t.Errorf("%s: %v, %q", verb, err, f.log)
		}
	}
}

// A program that is refused is no service, nor takes the place of one.
func TestInstallChecked(t *testing.T) {
	for _, have := range []*registration{nil, {Command: []string{`C:\a\poolcert-agent.exe`}}} {
		f := &fakeManager{have: have}
		s := &Service{Name: "poolcert-agent", Program: `C:\open\poolcert-agent.exe`}
		looked := ""
		err := s.installChecked(f, func(program string) error { looked = program; return ErrOpenProgram })
		if !errors.Is(err, ErrOpenProgram) || len(f.log) > 0 || looked != s.Program {
			t.Errorf("%v, looked at %q, did %q", err, looked, f.log)
		}
		if err := s.installChecked(f, func(string) error { return nil }); err != nil || len(f.log) == 0 {
			t.Errorf("%v, did %q", err, f.log)
		}
	}
}

func TestFinal(t *testing.T) {
	err := fmt.Errorf("run: %w", Final(errFake))
	if !isFinal(err) || !errors.Is(err, errFake) || err.Error() != "run: it is broken" || isFinal(errFake) {
		t.Error(err)
	}
}
