package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"poolcert/agent/agenttest"
	"poolcert/agent/watch"
	"poolcert/store/storetest"
)

func TestDriftIsMendedAtOnce(t *testing.T) {
	base, err := os.MkdirTemp("/dev/shm", "poolcert-test-")
	if err != nil {
		base = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	for name, damage := range map[string]func(w *watched, file string) error{
		"content": func(_ *watched, file string) error {
			return errors.Join(os.Chmod(file, 0o600), os.WriteFile(file, []byte("x"), 0), os.Chmod(file, 0o440))
		},
		"mode":           func(_ *watched, file string) error { return os.Chmod(file, 0o444) },
		"missing file":   func(_ *watched, file string) error { return os.Remove(file) },
		"missing folder": func(_ *watched, file string) error { return os.RemoveAll(filepath.Dir(file)) },
		"link":           func(w *watched, _ string) error { return os.Remove(filepath.Join(w.root, "current")) },
		"other link": func(w *watched, _ string) error {
			link := filepath.Join(w.root, "current")
			return errors.Join(os.Remove(link), os.Symlink("/etc", link))
		},
		"root removed": func(w *watched, _ string) error { return os.RemoveAll(w.root) },
		"root renamed": func(w *watched, _ string) error { return os.Rename(w.root, w.root+"-away") },
		"generations renamed": func(w *watched, _ string) error {
			return os.Rename(filepath.Join(w.root, "generations"), filepath.Join(w.root, "away"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, filepath.Join(base, name))
			w.start()
			for range 2 { // the second one finds the watch in its new place
				file, err := filepath.EvalSymlinks(w.file)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if err := damage(w, file); err != nil {
					t.Fatal(err)
				}
				w.mended(name, start)
				os.RemoveAll(w.root + "-away")
				os.RemoveAll(filepath.Join(w.root, "away"))
			}
		})
	}
}

// What the agent's own user cannot see in the folders: a file system that is
// mounted over them, or goes away.
func TestMountsAreMended(t *testing.T) {
	base := t.TempDir()
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	agenttest.MountTmpfs(t, base, "mode=755")
	w := newWatched(t, filepath.Join(base, "certs"))
	// As the agent's lock does, this keeps the file system alive.
	lock, err := os.Create(filepath.Join(w.root, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	os.Remove(lock.Name())
	w.start()
	start := time.Now()
	if err := unix.Unmount(base, unix.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	w.mended("unmounted", start)
	start = time.Now()
	agenttest.MountTmpfs(t, w.root, "mode=755")
	w.mended("mounted over", start)
}

// A change of the set is followed by one check, and then by silence.
func TestOwnChangesMakeNoLoop(t *testing.T) {
	w := newWatched(t, filepath.Join(t.TempDir(), "certs"))
	w.start()
	w.install(storetest.PFX(t, "a"), storetest.PFX(t, "b"))
	w.awaitChecks(2)
	os.Remove(filepath.Join(w.root, "current"))
	w.awaitChecks(4) // it mends, and looks once more
	quiet := time.After(3 * checkRest)
	<-quiet
	if n := w.checks.Load(); n != 4 {
		t.Errorf("%d checks, want 4", n)
	}
	if n := w.record.repairs.Count; n != 1 {
		t.Errorf("%d repairs, want 1", n)
	}
}

// Who owns files can change them all the time. That costs two checks a second.
func TestNoiseDoesNotMakeTheAgentSpin(t *testing.T) {
	w := newWatched(t, filepath.Join(t.TempDir(), "certs"))
	w.start()
	file, err := filepath.EvalSymlinks(w.file)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, cpu, start := w.checks.Load(), cpuTime(t), time.Now()
	changes := 0
	for ; time.Since(start) < 3*time.Second; changes++ {
		// Two kinds, since the kernel makes one of equal changes in a row.
		if changes%2 == 0 {
			err = unix.Fchmod(int(f.Fd()), 0o440)
		} else {
			err = os.WriteFile(filepath.Join(filepath.Dir(file), "noise"), nil, 0o400)
			os.Remove(filepath.Join(filepath.Dir(file), "noise"))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	checks, took := w.checks.Load()-before, time.Since(start)
	t.Logf("%d changes, %d checks in %v, %v of processor time with the noise itself", changes, checks, took, cpuTime(t)-cpu)
	if most := int64(took/checkRest) + 1; checks < 2 || checks > most {
		t.Errorf("%d checks in %v, want at least 2, and two a second at most: %d", checks, took, most)
	}
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// What cannot be watched is looked at, the log and the status say why, and both
// end by themselves.
func TestWatcherGoesBlind(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	path := filepath.Join(file, "none")
	w := &watcher{
		folders: func() []string { return []string{path} },
		record:  newRecord(), log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	w.watch = watch.Open(w.folders, "", nil)
	defer w.watch.Close()
	for _, want := range []time.Duration{checkRest, 2 * checkRest, 4 * checkRest, 8 * checkRest, 16 * checkRest, blindRest, blindRest} {
		w.tell(w.watch.Follow())
		if w.rest != want {
			t.Errorf("rest %v, want %v", w.rest, want)
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "cannot be watched") {
		t.Errorf("log: %q, want one line", log.String())
	}
	if why := w.record.repairs.Blind; !strings.Contains(why, path) {
		t.Errorf("blind: %q", why)
	}
	path = filepath.Dir(file)
	w.tell(w.watch.Follow())
	if why := w.record.repairs.Blind; why != "" || w.rest != 0 || !strings.Contains(log.String(), "watched again") {
		t.Errorf("blind: %q, rest %v, log %q", why, w.rest, log.String())
	}
}

// While nothing changes there are only the regular checks.
// checksDuring has a watcher of nothing run for d, and counts its checks.
func checksDuring(t *testing.T, d, interval time.Duration, check func(n int, r *record) (found int)) (checks int) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{folders: func() []string { return nil }, interval: interval, record: newRecord()}
		w.check = func(context.Context) int { checks++; return check(checks, w.record) }
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		w.run(ctx)
	})
	return checks
}

func TestRegularChecks(t *testing.T) {
	checks := checksDuring(t, 65*time.Minute, 10*time.Minute, func(int, *record) int { return 0 })
	if checks != 7 {
		t.Errorf("%d checks in 65 minutes, want 1 and 6", checks)
	}
}

// On a busy node a check takes long by the clock of the wall. What has drifted does not wait
// ten times as long for the next one, as it does when a check costs much; on a slow disk,
// checks take half of the time.
func TestSlowCheckIsNoLongRest(t *testing.T) {
	checks := checksDuring(t, time.Minute, time.Second, func(int, *record) int { time.Sleep(time.Second); return 0 })
	if checks < 25 || checks > 31 {
		t.Errorf("%d checks in a minute, want one in two seconds: it waits for half of the time", checks)
	}
}

// A check that costs much, as one of a large set does, is made at a tenth of a processor.
func TestCostlyChecksAreRare(t *testing.T) {
	const cost, during = 100 * time.Millisecond, 5 * time.Second
	checks := checksDuring(t, during, 10*time.Millisecond, func(int, *record) int {
		for end := threadTime() + cost; threadTime() < end; {
		}
		return 0
	})
	if most := int(during/(checkShare*cost)) + 1; checks < 2 || checks > most {
		t.Errorf("%d checks in %v, want %d at most", checks, during, most)
	}
}

// What cannot be mended is looked at again, though nothing tells of a change.
func TestFailedRepairsAreTriedAgain(t *testing.T) {
	checks := checksDuring(t, 50*time.Minute, time.Hour, func(n int, r *record) int {
		var err error
		if n < 5 {
			err = errors.New("in use")
		}
		r.repaired(nil, err)
		return 0
	})
	if checks != 5 {
		t.Errorf("%d checks, want 5: until one goes well", checks)
	}
}

// What has to be mended again and again is mended ever more seldom.
func TestEndlessRepairsBecomeRare(t *testing.T) {
	const during = 10 * time.Minute
	checks := checksDuring(t, during, time.Second, func(int, *record) int { return 1 })
	if want := repairBurst + int(during/repairRest); checks < want/2 || checks > want+1 {
		t.Errorf("%d repairs in %v, want %d at most", checks, during, want)
	}
}
