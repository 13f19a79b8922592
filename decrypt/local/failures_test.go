package local

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/decrypt"
	"poolcert/decrypt/cms"
)

func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(30)
		for i := range 30 {
			if err := b.check(uid(1)); err != nil {
				t.Fatalf("after %d failures: %v", i, err)
			}
			b.charge(uid(1))
		}
		var refused *TooManyFailuresError
		if err := b.check(uid(1)); !errors.As(err, &refused) || refused.RetryAfter != 2*time.Second {
			t.Fatalf("error %v, want one to wait 2s", err)
		}
		if err := b.check(uid(2)); err != nil {
			t.Errorf("another user: %v", err)
		}
		time.Sleep(refused.RetryAfter)
		if err := b.check(uid(1)); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		b.charge(uid(1))
		b.charge(uid(1)) // ran at the same time: a debt
		if err := b.check(uid(1)); !errors.As(err, &refused) || refused.RetryAfter != 4*time.Second {
			t.Errorf("error %v, want one to wait 4s", err)
		}
		time.Sleep(time.Hour)
		for range 30 { // time gives back no more than all
			b.charge(uid(1))
		}
		if b.check(uid(1)) == nil {
			t.Error("more than 30 at once after an hour")
		}
		time.Sleep(time.Hour)
		for n := range uint32(3 * maxQuiet) {
			b.charge(uid(n))
			time.Sleep(time.Second)
		}
		if len(b.of) > maxQuiet {
			t.Errorf("%d users are remembered", len(b.of))
		}
	})
}

type noKeys struct{ Grant }

func (noKeys) PrivateKey(context.Context, func(*x509.Certificate) bool) (*x509.Certificate, crypto.PrivateKey, error) {
	return nil, nil, cms.ErrNoRecipient
}

// A block that fails is counted before the next one has its turn with the keys,
// so that requests at the same time get no further than others.
func TestBlocksAreCountedInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits()
		tried := 0
		for range 100 {
			u := &unwrapper{limits: l, grant: noKeys{}, user: uid(1)}
			_, err := u.OpenRSA(t.Context(), &decrypt.RSABlock{Ciphertext: make([]byte, 256)})
			if !errors.Is(err, ErrTooManyFailures) {
				tried++
			}
		}
		if tried != tellingFailures {
			t.Errorf("%d blocks were tried, want %d", tried, tellingFailures)
		}
	})
}

func TestNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n notices
		expect := func(id uint32, untold int, tell bool) {
			t.Helper()
			if u, ok := n.next(uid(id)); u != untold || ok != tell {
				t.Errorf("uid %d: got %d, %v, want %d, %v", id, u, ok, untold, tell)
			}
		}
		expect(1, 0, true)
		expect(1, 0, false)
		expect(2, 0, true)
		time.Sleep(noticeTime - time.Nanosecond)
		expect(1, 0, false)
		time.Sleep(time.Nanosecond)
		expect(1, 2, true)
		expect(1, 0, false)
		for id := range uint32(3 * maxQuiet) {
			n.next(uid(id))
			time.Sleep(time.Second)
		}
		if len(n.of) > maxQuiet {
			t.Errorf("%d users are remembered", len(n.of))
		}
	})
}
