//go:build unix

package account_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/account"
)

// script makes a program.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "print-key")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeyCommand(t *testing.T) {
	f := newFixture(t)
	tp := f.addCertificate("a")
	path := filepath.Join(f.dir, "master.key")
	ring, err := account.RunKeyCommand(t.Context(), []string{script(t, `cat "$1"`), path})
	if err != nil {
		t.Fatal(err)
	}
	s, err := account.New(t.Context(), account.Config{DB: f.db, Keys: ring, CA: f.ca})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Certificate(t.Context(), f.acct, tp); err != nil {
		t.Error(err)
	}
}

func TestKeyCommandFails(t *testing.T) {
	key := strings.TrimSpace(string(account.NewKeyLine()))
	for name, test := range map[string]struct {
		argv []string
		want string
	}{
		"no program":    {nil, "absolute path"},
		"relative path": {[]string{"cat", "x"}, "absolute path"},
		"missing":       {[]string{"/nonexistent/vault"}, "no such file"},
		"fails":         {[]string{script(t, "echo "+key+"; echo 'token expired,' >&2; echo log in again >&2; exit 3")}, "exit status 3: token expired, log in again"},
		"key on stderr": {[]string{script(t, "echo no use for "+key+" >&2; exit 3")}, "exit status 3: no use for [hidden]"},
		"key cut":       {[]string{script(t, "echo "+key+" and "+strings.Repeat("x", 1024-len(key)-len(" and \n")+len("pcmk1."))+" >&2; exit 3")}, "exit status 3: and xxx"},
		"one word":      {[]string{script(t, "echo "+strings.Repeat("x", 2000)+" >&2; exit 3")}, "exit status 3"},
		"nothing":       {[]string{script(t, "exit 0")}, "there is no key in it"},
		"no key":        {[]string{script(t, "echo; echo secret-that-is-none")}, "line 2 is no key"},
		"too much":      {[]string{script(t, "while echo 0123456789012345678901234567890123456789; do :; done")}, "more than 65536 bytes"},
		"much noise":    {[]string{script(t, "i=0; while [ $i -lt 2000 ]; do echo noise >&2; i=$((i+1)); done; echo the end >&2; exit 1")}, "noise the end"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := account.RunKeyCommand(t.Context(), test.argv)
			if !errors.Is(err, account.ErrMasterKey) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), strings.TrimPrefix(key, "pcmk1.")) || strings.Contains(err.Error(), "secret-that") || len(err.Error()) > 2000 {
				t.Errorf("the error tells too much: %v", err)
			}
		})
	}
}

// A command that hangs, also in a program that it began, ends with its time.
func TestKeyCommandHangs(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := account.RunKeyCommand(ctx, []string{script(t, "sleep 120 & sleep 120")})
	if !errors.Is(err, account.ErrMasterKey) || time.Since(begin) > 20*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}

func TestCredential(t *testing.T) {
	dir := t.TempDir()
	set := func(dirMode, mode fs.FileMode) {
		t.Helper()
		path := filepath.Join(dir, "poolcert-master-key")
		if err := os.WriteFile(path, account.NewKeyLine(), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chmod(path, mode), os.Chmod(dir, dirMode)); err != nil {
			t.Fatal(err)
		}
	}
	open := func() error { _, err := account.OpenCredential("poolcert-master-key"); return err }

	t.Setenv("CREDENTIALS_DIRECTORY", "")
	if err := open(); !errors.Is(err, account.ErrMasterKey) || !errors.Is(err, account.ErrCredential) {
		t.Errorf("outside of a unit: %v", err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := open(); !errors.Is(err, account.ErrMasterKey) || !errors.Is(err, account.ErrCredential) {
		t.Errorf("without the credential: %v", err)
	}
	for _, mode := range []fs.FileMode{0o400, 0o440, 0o600} {
		set(0o550, 0o600)
		os.Chmod(dir, 0o700)
		set(0o550, mode)
		if err := open(); err != nil {
			t.Errorf("mode %o: %v", mode, err)
		}
		os.Chmod(dir, 0o700)
	}
	for _, modes := range [][2]fs.FileMode{{0o700, 0o444}, {0o700, 0o460}, {0o755, 0o400}, {0o770, 0o400}} {
		set(modes[0], modes[1])
		if err := open(); !errors.Is(err, account.ErrMasterKey) || !strings.Contains(err.Error(), "others have rights") {
			t.Errorf("modes %o: %v", modes, err)
		}
		os.Chmod(dir, 0o700)
		os.Remove(filepath.Join(dir, "poolcert-master-key"))
	}
	for _, name := range []string{"", "..", "../x", "a/b", "/etc/passwd"} {
		if _, err := account.OpenCredential(name); !errors.Is(err, account.ErrMasterKey) {
			t.Errorf("credential %q: %v", name, err)
		}
	}
	if os.Geteuid() == 0 {
		set(0o700, 0o400)
		if err := os.Chown(filepath.Join(dir, "poolcert-master-key"), 65534, 65534); err != nil {
			t.Fatal(err)
		}
		if err := open(); !errors.Is(err, account.ErrMasterKey) || !strings.Contains(err.Error(), "belongs to another user") {
			t.Errorf("another user's: %v", err)
		}
	}
}

// A keyring that is kept elsewhere is rotated there, and the database follows.
func TestSealAgain(t *testing.T) { onEachEngine(t, testSealAgain) }

func testSealAgain(t *testing.T, f *fixture) {
	tp := f.addCertificate("a")
	path := filepath.Join(f.dir, "master.key")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ring := func(text []byte) *account.Keyring {
		t.Helper()
		file := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		ring, err := account.RunKeyCommand(t.Context(), []string{"/bin/cat", file})
		if err != nil {
			t.Fatal(err)
		}
		return ring
	}
	if _, err := account.SealAgain(t.Context(), f.db, ring(old)); !errors.Is(err, account.ErrRotated) {
		t.Errorf("without a new key: %v", err)
	}
	fresh := account.NewKeyLine()
	if _, err := account.SealAgain(t.Context(), f.db, ring(fresh)); !errors.Is(err, account.ErrMasterKey) {
		t.Errorf("without the old key: %v", err)
	}
	both := append(append([]byte{}, fresh...), old...)
	id, err := account.SealAgain(t.Context(), f.db, ring(both))
	if err != nil {
		t.Fatal(err)
	}
	// The service that runs goes on, and another one starts with the new key alone.
	if _, err := f.Certificate(t.Context(), f.acct, tp); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, fresh, 0o600); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	if keys, err := account.MasterKeys(t.Context(), f.db, ring(both)); err != nil || !keys[0].InUse || keys[0].ID != id || keys[1].InUse {
		t.Errorf("keys %+v, %v; want %s in use", keys, err, id)
	}
}
