package homelink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

const aliceUID, aliceGID = 54_601, 54_602

// newLinked returns links of the user alice, who has a home.
func newLinked(t *testing.T) (l *Keeper, home string) {
	t.Helper()
	testtool.NeedRoot(t, "to become others")
	dir := testfolder.New(t, "")
	home = filepath.Join(dir, "alice")
	if err := errors.Join(os.Mkdir(home, 0o700), os.Chown(home, aliceUID, aliceGID)); err != nil {
		t.Fatal(err)
	}
	agenttest.FakeGetent(t, fmt.Sprintf(`case "$*" in
"passwd alice") echo "alice:x:%d:%d:Alice:%s:/bin/sh" ;;
"passwd homeless") echo "homeless:x:%d:%d::/:/bin/sh" ;;
*) exit 2 ;;
esac`, aliceUID, aliceGID, home, aliceUID, aliceGID))
	state, err := statedir.Open(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { state.Close() })
	return New(Options{
		Users: []string{"alice"}, Target: filepath.Join(dir, "certs", "current", "remoteuser"), State: state, Interval: time.Minute,
		Tell: func([]Status) {}, Log: slog.New(slog.DiscardHandler),
	}), home
}

func (l *Keeper) wantError(t *testing.T, want string) {
	t.Helper()
	for _, s := range l.told {
		if (s.Error == "") != (want == "") || !strings.Contains(s.Error, want) {
			t.Errorf("%s: error %q, want %q", s.User, s.Error, want)
		}
	}
}

func TestLinkOfRemoteUser(t *testing.T) {
	l, home := newLinked(t)
	link := filepath.Join(home, "certs")
	for range 2 {
		l.tend(t.Context())
		l.wantError(t, "")
		var st unix.Stat_t
		if err := unix.Lstat(link, &st); err != nil || st.Uid != aliceUID || st.Gid != aliceGID {
			t.Errorf("link of %d:%d, %v; want alice's", st.Uid, st.Gid, err)
		}
		if target, err := os.Readlink(link); err != nil || target != l.Target {
			t.Errorf("link to %q, %v", target, err)
		}
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	l.tend(t.Context())
	if _, err := os.Readlink(link); err != nil {
		t.Errorf("the link was not made again: %v", err)
	}

	// Another directory: the old link goes, a new one comes.
	l.Target += "-moved"
	l.tend(t.Context())
	if target, err := os.Readlink(link); err != nil || target != l.Target {
		t.Errorf("link to %q, %v", target, err)
	}
	// A user that the name services do not know for now keeps the link.
	agenttest.FakeGetent(t, "exit 3")
	l.tend(t.Context())
	l.wantError(t, "exit status 3")
	if _, err := os.Readlink(link); err != nil {
		t.Errorf("the link is gone: %v", err)
	}

	l.Users = nil
	if more := l.tend(t.Context()); more {
		t.Error("there is more to do")
	}
	if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link of a user who is not wanted: %v", err)
	}
	if _, err := os.Stat(l.State.File(statedir.LinksFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the list of links: %v", err)
	}
}

// A crash leaves no link that nobody knows: none is made that cannot be written down.
func TestLinkIsWrittenDownFirst(t *testing.T) {
	l, home := newLinked(t)
	link, away := filepath.Join(home, "certs"), l.State.Path()+".away"
	if err := os.Rename(l.State.Path(), away); err != nil {
		t.Fatal(err)
	}
	if more := l.tend(t.Context()); !more {
		t.Error("it is not tried again")
	}
	if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a link that is not written down: error %v", err)
	}
	if err := os.Rename(away, l.State.Path()); err != nil {
		t.Fatal(err)
	}
	l.tend(t.Context())
	if _, err := os.Lstat(link); err != nil {
		t.Error(err)
	}
}

func TestLinkSparesWhatIsThere(t *testing.T) {
	for name, test := range map[string]struct {
		make func(path string) error
		want string
	}{
		"folder": {func(path string) error { return os.Mkdir(path, 0o700) }, "is no link of the agent"},
		"file":   {func(path string) error { return os.WriteFile(path, nil, 0o600) }, "is no link of the agent"},
		"link":   {func(path string) error { return os.Symlink("/etc", path) }, `is a link to "/etc"`},
	} {
		t.Run(name, func(t *testing.T) {
			l, home := newLinked(t)
			path := filepath.Join(home, "certs")
			if err := test.make(path); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(path)
			if err != nil {
				t.Fatal(err)
			}
			l.tend(t.Context())
			l.wantError(t, test.want)
			l.Users = nil
			l.tend(t.Context())
			if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
				t.Errorf("it is gone: %v", err)
			}
		})
	}
}

// Root's rights end where a home begins.
func TestLinkHasNoMoreRightsThanItsUser(t *testing.T) {
	l, home := newLinked(t)
	if err := os.Chmod(home, 0o500); err != nil {
		t.Fatal(err)
	}
	l.tend(t.Context())
	l.wantError(t, "permission denied")

	// A home that is exchanged for a link to root's.
	secret := filepath.Join(filepath.Dir(home), "root")
	if err := errors.Join(os.Mkdir(secret, 0o755), os.Rename(home, home+"-away"), os.Symlink(secret, home)); err != nil {
		t.Fatal(err)
	}
	l.tend(t.Context())
	l.wantError(t, "belongs to uid 0")

	// Whatever the groups of this process are.
	if err := errors.Join(os.Remove(home), os.Mkdir(home, 0o770), os.Chown(home, aliceUID, 0), os.Chmod(home, 0o570)); err != nil {
		t.Fatal(err)
	}
	l.tend(t.Context())
	l.wantError(t, "permission denied")

	l.Users = []string{"homeless"}
	l.tend(t.Context())
	for _, s := range l.told {
		if s.User == "homeless" && s.Error != "homeless has no home" {
			t.Errorf("error %q", s.Error)
		}
	}
	// No thread of this process keeps the rights.
	runtime.GC()
	if uid, err := unix.SetfsuidRetUid(0); err != nil || uid != 0 {
		t.Errorf("this thread acts as uid %d, %v", uid, err)
	}
}

// While the user exchanges the home for a link and back, and its content, nothing
// appears anywhere else.
func TestLinkRaces(t *testing.T) {
	l, home := newLinked(t)
	dir := filepath.Dir(home)
	precious := filepath.Join(dir, "precious")
	if err := errors.Join(os.Mkdir(precious, 0o755), os.Symlink(l.Target, filepath.Join(precious, "certs"))); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			victim := []string{precious, empty}[i%2]
			os.Rename(home, home+"-away")
			os.Symlink(victim, home)
			os.Remove(home)
			os.Rename(home+"-away", home)
			os.Remove(filepath.Join(home, "certs"))
		}
	}()
	users := l.Users
	for range 300 {
		l.Users = users
		l.tend(t.Context())
		l.Users = nil
		l.tend(t.Context())
	}
	cancel()
	<-done
	if _, err := os.Readlink(filepath.Join(precious, "certs")); err != nil {
		t.Errorf("the agent removed root's link: %v", err)
	}
	if names, err := os.ReadDir(empty); err != nil || len(names) > 0 {
		t.Errorf("the agent made %v in root's folder, %v", names, err)
	}
}

// A home that does not answer is waited for once, and asked again when it has answered.
func TestSilentHome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{})
		link := Link{UID: os.Geteuid(), GID: os.Getegid(), Home: "/net/alice"}
		answer := make(chan struct{})
		var asked atomic.Int32
		ask := func() error { asked.Add(1); <-answer; return nil }
		for _, want := range []time.Duration{timeout, 0, 0} {
			start := time.Now()
			err := l.within(t.Context(), link, ask)
			if took := time.Since(start); err == nil || err.Error() != "home /net/alice does not answer" || took != want {
				t.Errorf("error %v after %v, want one after %v", err, took, want)
			}
		}
		close(answer)
		synctest.Wait()
		if err := l.within(t.Context(), link, ask); err != nil || asked.Load() != 2 {
			t.Errorf("it answers again: error %v, asked %d times, want 2", err, asked.Load())
		}
	})
}
