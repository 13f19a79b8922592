//go:build unix

package tpmkey

import (
	"bytes"
	"errors"
	"testing"

	"poolcert/internal/tpmkey/tpmtest"
)

func open(t *testing.T) *TPM { return New(tpmtest.New(t)) }

func TestSealAndUnseal(t *testing.T) {
	first := open(t)
	secret := bytes.Repeat([]byte("k"), 32)
	blob, err := Seal(first, secret)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(blob, secret[:8]) {
		t.Error("the blob shows the secret")
	}
	for range 20 { // it has three places: nothing may stay
		if got, err := Unseal(first, blob); err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("Unseal = %x, %v", got, err)
		}
	}

	for i := range blob {
		damaged := bytes.Clone(blob)
		damaged[i] ^= 0x40
		if i%7 != 0 {
			continue
		}
		if got, err := Unseal(first, damaged); err == nil && bytes.Equal(got, secret) {
			continue // a bit without meaning
		} else if !errors.Is(err, ErrBlob) {
			t.Errorf("byte %d changed: %v, want ErrBlob", i, err)
		}
	}
	for _, n := range []int{0, 1, len(blob) / 2, len(blob) - 1} {
		if _, err := Unseal(first, blob[:n]); !errors.Is(err, ErrBlob) {
			t.Errorf("cut to %d bytes: %v, want ErrBlob", n, err)
		}
	}
	if got, err := Unseal(first, blob); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("after damaged blobs: %x, %v", got, err)
	}

	other := open(t)
	if _, err := Unseal(other, blob); !errors.Is(err, ErrBlob) {
		t.Errorf("another TPM: %v, want ErrBlob", err)
	}
}

func TestSealLimits(t *testing.T) {
	tpm := open(t)
	for _, n := range []int{0, MaxSecret + 1} {
		if _, err := Seal(tpm, make([]byte, n)); err == nil {
			t.Errorf("%d bytes are sealed", n)
		}
	}
	blob, err := Seal(tpm, make([]byte, MaxSecret))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Unseal(tpm, blob); err != nil || len(got) != MaxSecret {
		t.Errorf("Unseal = %d bytes, %v", len(got), err)
	}
}

func TestOpenWithoutTPM(t *testing.T) {
	tpm, err := Open()
	if err == nil {
		tpm.Close()
		t.Skip("this machine has a TPM")
	}
	if !errors.Is(err, ErrNoTPM) {
		t.Errorf("Open = %v, want ErrNoTPM", err)
	}
}
