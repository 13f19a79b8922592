package unwrap

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
)

// A following is a Watch under way.
type following struct {
	*bench
	results chan Result
	warned  chan error
}

// follow gives up on a file after so many tries.
func (b *bench) follow(tries int) *following {
	f := &following{b, make(chan Result, 100), make(chan error, 100)}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	pace := Pace{Quiet: 20 * time.Millisecond, Retry: 10 * time.Millisecond, Tries: tries, Rescan: time.Hour}
	go func() {
		done <- b.Watch(ctx, []string{b.dir}, pace, func(r Result) { f.results <- r }, func(err error) { f.warned <- err })
	}()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return f
}

// next waits for the next result.
func (f *following) next(name string, state State) Result {
	f.Helper()
	select {
	case r := <-f.results:
		if filepath.Base(r.Source) != name || r.State != state {
			f.Errorf("%s %s, %v; want %s %s", r.Source, r.State, r.Err, name, state)
		}
		return r
	case <-time.After(20 * time.Second):
		f.Fatalf("nothing of %s", name)
	}
	return Result{}
}

func TestWatch(t *testing.T) {
	b := newBench(t)
	b.seal("before.cms", "before")
	f := b.follow(4)
	f.next("before.cms", Opened)

	b.seal("a.cms", "a")
	f.next("a.cms", Opened)
	b.files(map[string]string{"before": "before", "a": "a"})

	// A newer message replaces the output of the older one, as long as it is that.
	b.seal("a.cms", "newer")
	f.next("a.cms", Opened)
	b.files(map[string]string{"before": "before", "a": "newer"})
	b.write("a", []byte("edited by hand"))
	b.seal("a.cms", "newest")
	if r := f.next("a.cms", Failed); !errors.Is(r.Err, ErrExists) {
		t.Errorf("error %v, want ErrExists", r.Err)
	}
	b.files(map[string]string{"before": "before", "a": "edited by hand"})

	// A bad one is told once, and tried again when it is replaced.
	b.write("bad.cms", []byte("hello"))
	f.next("bad.cms", Failed)
	b.seal("bad.cms", "good")
	f.next("bad.cms", Opened)

	// What is moved there is complete at once.
	b.write("moved", cmstest.Seal(t, "moved", cms.Options{}, b.cert))
	if err := os.Rename(b.path("moved"), b.path("moved.cms")); err != nil {
		t.Fatal(err)
	}
	f.next("moved.cms", Opened)
	b.seal("moved.enc", "collides")
	f.next("moved.enc", Failed)
}

// A file that is written slowly is opened when it is whole.
func TestWatchHalfWritten(t *testing.T) {
	b := newBench(t)
	f := b.follow(30)
	message := cmstest.Seal(t, "content", cms.Options{}, b.cert)
	w, err := os.Create(b.path("slow.cms"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]byte{message[:1], message[1:200], message[200 : len(message)-1]} {
		w.Write(part)
		b.seal("other.cms", string(part)) // some time passes
		f.next("other.cms", Opened)
	}
	w.Write(message[len(message)-1:])
	w.Close()
	f.next("slow.cms", Opened)
	b.files(map[string]string{"slow": "content", "other": string(message[200 : len(message)-1])})
}

// While nothing can be opened, all is tried again, and it is told once.
func TestWatchWithoutKeys(t *testing.T) {
	b := newBench(t)
	agent := &absent{Unwrapper: b.Unwrapper}
	agent.uses.Store(100)
	b.Unwrapper, b.Fatal = agent, func(err error) bool { return errors.Is(err, errAbsent) }
	b.seal("a.cms", "a")
	f := b.follow(4)
	if err := <-f.warned; !errors.Is(err, errAbsent) {
		t.Errorf("warned of %v", err)
	}
	for agent.uses.Load() < 110 { // it goes on trying, at longer and longer intervals
		select {
		case err := <-f.warned:
			t.Fatalf("warned again: %v", err)
		case r := <-f.results:
			t.Fatalf("result %v", r)
		case <-time.After(time.Millisecond):
		}
		if agent.uses.Load() > 103 {
			break
		}
	}
	agent.uses.Store(-1000)
	f.next("a.cms", Opened)
}

func TestWatchRemoves(t *testing.T) {
	b := newBench(t)
	b.Remove, b.To = true, t.TempDir()
	f := b.follow(4)
	for range 3 {
		b.seal("a.cms", "a")
		if r := f.next("a.cms", Opened); !r.Removed {
			t.Error("the source is not removed")
		}
	}
	b.seal("a.cms", "newer")
	f.next("a.cms", Opened)
}
