package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/account"
	"poolcert/account/db"
)

// A writerFunc is a writer that does something.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// Keys that were printed before the account could not be made are said to be void.
func TestVoidKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	call(t, "init", "--dir", dir, "--host", "localhost")
	create := []string{"account", "create", "demo", "--dir", dir}
	faster := writerFunc(func(p []byte) (int, error) { // somebody else's account of that name
		call(t, create...)
		return len(p), nil
	})
	var stderr bytes.Buffer
	if code := run(t.Context(), create, nil, faster, &stderr); code == 0 || !strings.Contains(stderr.String(), "the account exists already; the keys that were printed are void") {
		t.Errorf("code %d, %s", code, stderr.String())
	}
}

// A database that goes away while it makes an account may have made it.
func TestVoidKeysOfLostCommit(t *testing.T) {
	lost := void(fmt.Errorf("create account: %w", db.ErrBusy)).Error()
	if !strings.Contains(lost, "void, unless 'poolcert-server account list' shows the account") {
		t.Errorf("got %q", lost)
	}
	if exists := void(account.ErrAccountExists).Error(); !strings.HasSuffix(exists, "are void") {
		t.Errorf("got %q", exists)
	}
}
