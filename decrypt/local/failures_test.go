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
			if err := b.check(1); err != nil {
				t.Fatalf("after %d failures: %v", i, err)
			}
			b.charge(1)
		}
		var refused *TooManyFailuresError
		if err := b.check(1); !errors.As(err, &refused) || refused.RetryAfter != 2*time.Second {
			t.Fatalf("error %v, want one to wait 2s", err)
		}
		if err := b.check(2); err != nil {
			t.Errorf("another user: %v", err)
		}
		time.Sleep(refused.RetryAfter)
		if err := b.check(1); err != nil {
			t.Errorf("after the wait: %v", err)
		}
		b.charge(1)
		b.charge(1) // ran at the same time: a debt
		if err := b.check(1); !errors.As(err, &refused) || refused.RetryAfter != 4*time.Second {
			t.Errorf("error %v, want one to wait 4s", err)
		}
		time.Sleep(time.Hour)
		for range 30 { // time gives back no more than all
			b.charge(1)
		}
		if b.check(1) == nil {
			t.Error("more than 30 at once after an hour")
		}
		time.Sleep(time.Hour)
		for uid := range uint32(3 * maxQuiet) {
			b.charge(uid)
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
			u := &unwrapper{limits: l, grant: noKeys{}, uid: 1}
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
		expect := func(uid uint32, untold int, tell bool) {
			t.Helper()
			if u, ok := n.next(uid); u != untold || ok != tell {
				t.Errorf("uid %d: got %d, %v, want %d, %v", uid, u, ok, untold, tell)
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
		for uid := range uint32(3 * maxQuiet) {
			n.next(uid)
			time.Sleep(time.Second)
		}
		if len(n.of) > maxQuiet {
			t.Errorf("%d users are remembered", len(n.of))
		}
	})
}
