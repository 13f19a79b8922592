package dpapi_test

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"testing"

	"poolcert/internal/dpapi"
	"poolcert/internal/dpapi/dpapitest"
)

// machines are a computer for tests, and this one if it can.
func machines(t *testing.T) map[string]dpapi.Machine {
	m := map[string]dpapi.Machine{"test": dpapitest.New(t)}
	if runtime.GOOS == "windows" {
		m["this"] = dpapi.System
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	purpose := dpapi.Purpose{"test", "a", "node"}
	for name, m := range machines(t) {
		for _, size := range []int{1, 32, dpapi.MaxSecret} {
			secret := bytes.Repeat([]byte{'s'}, size)
			sealed, err := dpapi.Seal(m, secret, purpose)
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", name, size, err)
			}
			if len(sealed) > dpapi.MaxSealed || size > 1 && bytes.Contains(sealed, secret) {
				t.Errorf("%s, %d bytes: sealed as %d bytes", name, size, len(sealed))
			}
			if got, err := dpapi.Open(m, sealed, purpose); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%s, %d bytes: %v", name, size, err)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	purpose := dpapi.Purpose{"ab", "c"}
	for name, m := range machines(t) {
		sealed, err := dpapi.Seal(m, []byte("a secret of some length"), purpose)
		if err != nil {
			t.Fatal(err)
		}
		flip := func(i int) []byte {
			damaged := slices.Clone(sealed)
			damaged[i] ^= 1
			return damaged
		}
		for what, test := range map[string]struct {
			sealed  []byte
			purpose dpapi.Purpose
		}{
			"another purpose":  {sealed, dpapi.Purpose{"ab", "d"}},
			"other words":      {sealed, dpapi.Purpose{"a", "bc"}},
			"no purpose":       {sealed, nil},
			"a damaged end":    {flip(len(sealed) - 1), purpose},
			"a damaged middle": {flip(len(sealed) - 24), purpose},
			"a part":           {sealed[:len(sealed)/2], purpose},
			"nothing":          {nil, purpose},
			"too much":         {make([]byte, dpapi.MaxSealed+1), purpose},
			"zeroes":           {make([]byte, 300), purpose},
		} {
			if got, err := dpapi.Open(m, test.sealed, test.purpose); !errors.Is(err, dpapi.ErrSealed) {
				t.Errorf("%s, %s: %q, %v", name, what, got, err)
			}
		}
		for _, size := range []int{0, dpapi.MaxSecret + 1} {
			if _, err := dpapi.Seal(m, make([]byte, size), purpose); err == nil {
				t.Errorf("%s sealed %d bytes", name, size)
			}
		}
	}
}

// Nobody is asked, and the key is the computer's.
func TestFlags(t *testing.T) {
	m := dpapitest.New(t)
	sealed, err := dpapi.Seal(m, []byte("s"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dpapi.Open(m, sealed, nil); err != nil {
		t.Fatal(err)
	}
	if got := m.Flags(); !slices.Equal(got, []uint32{5, 5}) {
		t.Errorf("flags %v", got)
	}
	if _, err := dpapi.Open(dpapitest.New(t), sealed, nil); !errors.Is(err, dpapi.ErrSealed) {
		t.Errorf("on another computer: %v", err)
	}
}

// A service that does not run yet says nothing of the data.
func TestPassingFailure(t *testing.T) {
	m := dpapitest.New(t)
	passing := errors.New("not now")
	m.Fail(passing)
	if _, err := dpapi.Seal(m, []byte("s"), nil); !errors.Is(err, passing) {
		t.Error(err)
	}
	if _, err := dpapi.Open(m, []byte("s"), nil); !errors.Is(err, passing) || errors.Is(err, dpapi.ErrSealed) {
		t.Error(err)
	}
}

func TestOtherSystems(t *testing.T) {
	_, err := dpapi.Seal(dpapi.System, []byte("s"), nil)
	if errors.Is(err, dpapi.ErrUnsupported) != (runtime.GOOS != "windows") {
		t.Error(err)
	}
}
