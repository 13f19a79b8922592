// Package dpapitest has a computer for tests of what is sealed with package dpapi.
package dpapitest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"

	"poolcert/internal/dpapi"
)

// A Machine works like DPAPI: what one seals, no other opens. It is safe for concurrent
// use.
type Machine struct {
	aead cipher.AEAD

	mu    sync.Mutex
	err   error
	flags []uint32
}

// New returns a computer of its own.
func New(t testing.TB) *Machine {
	t.Helper()
	key := make([]byte, 32)
	rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return &Machine{aead: aead}
}

// Fail has each call fail with err from now on; nil: none.
func (m *Machine) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// Flags returns those of the calls up to now.
func (m *Machine) Flags() []uint32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.flags)
}

func (m *Machine) called(flags uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flags = append(m.flags, flags)
	return m.err
}

// Protect implements [dpapi.Machine].
func (m *Machine) Protect(data, entropy []byte, flags uint32) ([]byte, error) {
	if err := m.called(flags); err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, errors.New("no data")
	}
	return m.aead.Seal(nil, nil, data, entropy), nil
}

// Unprotect implements [dpapi.Machine].
func (m *Machine) Unprotect(sealed, entropy []byte, flags uint32) ([]byte, error) {
	if err := m.called(flags); err != nil {
		return nil, err
	}
	data, err := m.aead.Open(nil, nil, sealed, entropy)
	if err != nil {
		return nil, dpapi.ErrSealed
	}
	return data, nil
}
