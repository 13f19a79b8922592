package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/internal/smalldisk"
	"poolcert/internal/testcert"
)

// What is held until it proves genuine may be more than a disk has room for, which is
// not the disk of the output.
func TestDecryptWithFullTempDir(t *testing.T) {
	dir := t.TempDir()
	disk := smalldisk.Mount(t, 1)
	t.Setenv("TMPDIR", disk.Dir)
	pair := testcert.RSA(t)
	cert, key, sealed := filepath.Join(dir, "a.crt"), filepath.Join(dir, "a.key"), filepath.Join(dir, "a.cms")
	for path, data := range map[string][]byte{cert: pair.CertPEM(), key: pair.KeyPEM()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"encrypt", "--to", cert, "-o", sealed}, bytes.NewReader(make([]byte, 4<<20)), io.Discard, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	var stdout bytes.Buffer
	code := run(t.Context(), []string{"decrypt", "--key", key, "--buffer", "1MiB", sealed}, nil, &stdout, &stderr)
	if want := "hint: make space there, or name another folder with TMPDIR; --buffer"; code != 1 || !strings.Contains(stderr.String(), "write to "+disk.Dir+": no space left") || !strings.Contains(stderr.String(), want) || stdout.Len() > 0 {
		t.Errorf("exit code %d, %d bytes, %s\nwant %s", code, stdout.Len(), stderr.String(), want)
	}
	if code := run(t.Context(), []string{"decrypt", "--key", key, "--buffer", "8MiB", sealed}, nil, &stdout, &stderr); code != 0 || stdout.Len() != 4<<20 {
		t.Errorf("in memory: exit code %d, %d bytes", code, stdout.Len())
	}
}
