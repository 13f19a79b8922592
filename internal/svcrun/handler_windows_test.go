package svcrun

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/windows/svc"
)

// A talk is what a service and its manager say to each other.
type talk struct {
	t        *testing.T
	requests chan svc.ChangeRequest
	statuses chan svc.Status
	exited   int // the code of a process that died, -1 before
	ended    chan struct{}
	told     []error // why the work ended
	handler  *handler
}

func newTalk(t *testing.T, ctx context.Context, work func(context.Context, *Host) error) *talk {
	return newTalkWith(t, ctx, nil, work)
}

// newTalkWith has the program judged as open says.
func newTalkWith(t *testing.T, ctx context.Context, open error, work func(context.Context, *Host) error) *talk {
	k := &talk{t: t, requests: make(chan svc.ChangeRequest), statuses: make(chan svc.Status), exited: -1, ended: make(chan struct{})}
	s := &Service{Program: `C:\agent.exe`, Ended: func(err error) { k.told = append(k.told, err) }}
	k.handler = s.newHandler(ctx, func(program string) error {
		if program != s.Program {
			t.Errorf("looked at %q", program)
		}
		return open
	}, work)
	k.handler.exit = func(code int) { k.exited = code }
	go func() {
		defer close(k.ended)
		if _, code := k.handler.Execute(nil, k.requests, k.statuses); code != 0 && k.exited < 0 {
			t.Errorf("ended with code %d", code)
		}
	}()
	return k
}

func (k *talk) expect(want svc.State) svc.Status {
	k.t.Helper()
	select {
	case got := <-k.statuses:
		if got.State != want {
			k.t.Errorf("state %d, want %d", got.State, want)
		}
		return got
	case <-time.After(time.Minute):
		k.t.Fatalf("no state %d", want)
	}
	return svc.Status{}
}

func TestHandlerStops(t *testing.T) {
	for _, cmd := range []svc.Cmd{svc.Stop, svc.Shutdown, svc.PreShutdown} {
		synctest.Test(t, func(t *testing.T) {
			// The end of the process's own context, say by a logoff, ends no service.
			ctx, cancel := context.WithCancel(t.Context())
			k := newTalk(t, ctx, func(ctx context.Context, host *Host) error {
				host.Ready()
				host.Ready()
				<-ctx.Done()
				time.Sleep(time.Second) // synctest's, to end well
				return errors.New("late")
			})
			k.expect(svc.StartPending)
			if s := k.expect(svc.Running); s.Accepts != accepted {
				t.Errorf("accepts %b", s.Accepts)
			}
			cancel()
			time.Sleep(time.Minute) // synctest's
			k.requests <- svc.ChangeRequest{Cmd: svc.Interrogate, CurrentStatus: svc.Status{State: svc.Running}}
			k.expect(svc.Running)
			began := time.Now()
			k.requests <- svc.ChangeRequest{Cmd: cmd}
			k.expect(svc.StopPending)
			<-k.ended
			if k.exited != -1 || time.Since(began) != time.Second || k.handler.err == nil {
				t.Errorf("exit %d after %v, %v", k.exited, time.Since(began), k.handler.err)
			}
		})
	}
}

func TestHandlerDies(t *testing.T) {
	for _, ready := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			fail := make(chan error)
			k := newTalk(t, t.Context(), func(ctx context.Context, host *Host) error {
				if ready {
					host.Ready()
				}
				return <-fail
			})
			k.expect(svc.StartPending)
			if ready {
				k.expect(svc.Running)
			}
			fail <- errors.New("as asked")
			<-k.ended
			if k.exited != 1 || len(k.told) != 1 {
				t.Errorf("ready %t: exit code %d, told %v", ready, k.exited, k.told)
			}
		})
	}
}

// What starting again does not mend ends the service as if it had been stopped: the
// manager leaves it so. It is told once.
func TestHandlerGivesUp(t *testing.T) {
	want := errors.New("as asked")
	for _, ready := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			k := newTalk(t, t.Context(), func(ctx context.Context, host *Host) error {
				if ready {
					host.Ready()
					synctest.Wait()
				}
				return fmt.Errorf("work: %w", Final(want))
			})
			k.expect(svc.StartPending)
			if ready {
				k.expect(svc.Running)
			}
			<-k.ended
			if k.exited != -1 || len(k.told) != 1 || !errors.Is(k.told[0], want) || !errors.Is(k.handler.err, want) {
				t.Errorf("ready %t: exit code %d, told %v, error %v", ready, k.exited, k.told, k.handler.err)
			}
		})
	}
}

// A program that others can exchange does no work, whoever made it a service.
func TestHandlerChecksProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newTalkWith(t, t.Context(), ErrOpenProgram, func(context.Context, *Host) error {
			t.Error("it works")
			return nil
		})
		k.expect(svc.StartPending)
		<-k.ended
		if k.exited != -1 || len(k.told) != 1 || !errors.Is(k.told[0], ErrOpenProgram) {
			t.Errorf("exit code %d, told %v", k.exited, k.told)
		}
	})
}

// Work that does not get ready, or does not end, holds the manager up for seconds.
func TestHandlerIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := make(chan error)
		k := newTalk(t, t.Context(), func(context.Context, *Host) error { return <-never })
		began := time.Now()
		k.expect(svc.StartPending)
		k.expect(svc.Running)
		if took := time.Since(began); took != readyLimit {
			t.Errorf("running after %v", took)
		}
		began = time.Now()
		k.requests <- svc.ChangeRequest{Cmd: svc.Stop}
		k.expect(svc.StopPending)
		<-k.ended
		if took := time.Since(began); took != stopTime {
			t.Errorf("stopped after %v", took)
		}
		close(never)
	})
}

func TestHandlerResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resumed, changed := 0, 0
		begin := make(chan struct{})
		k := newTalk(t, t.Context(), func(ctx context.Context, host *Host) error {
			host.Ready()
			<-begin
			for {
				select {
				case <-host.Resumed:
					resumed++
				case <-host.Changed:
					changed++
				case <-ctx.Done():
					return nil
				}
			}
		})
		k.expect(svc.StartPending)
		k.expect(svc.Running)
		for _, event := range []uint32{0x4, 0xa, resumedAutomatically, resumedByUser} { // asleep, power status, and both
			k.requests <- svc.ChangeRequest{Cmd: svc.PowerEvent, EventType: event}
		}
		synctest.Wait()
		close(begin)
		synctest.Wait()
		if resumed != 1 {
			t.Errorf("resumed %d times", resumed)
		}
		k.requests <- svc.ChangeRequest{Cmd: svc.PowerEvent, EventType: resumedAutomatically}
		k.requests <- svc.ChangeRequest{Cmd: svc.ParamChange}
		synctest.Wait()
		if resumed != 2 || changed != 1 {
			t.Errorf("resumed %d times, changed %d times", resumed, changed)
		}
		k.requests <- svc.ChangeRequest{Cmd: svc.Stop}
		k.expect(svc.StopPending)
		<-k.ended
	})
}
