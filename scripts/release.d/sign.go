package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Where the key for Windows is. Without the first, nothing is signed.
const (
	signPFX      = "POOLCERT_SIGN_PFX"
	signPassword = "POOLCERT_SIGN_PASSWORD_FILE" // the password in its first line
	signStamp    = "POOLCERT_SIGN_TIMESTAMP_URL" // of a timestamp server (RFC 3161): needs the network
)

// signPrograms signs the programs for Windows.
func (r *release) signPrograms(ctx context.Context) error {
	for _, s := range systems {
		if s.os != "windows" {
			continue
		}
		for _, program := range s.programs() {
			if err := r.sign(ctx, filepath.Join(r.bin(s), s.file(program)), program); err != nil {
				return err
			}
		}
	}
	return nil
}

// sign signs one file for Windows (Authenticode), if there is a certificate.
func (r *release) sign(ctx context.Context, path, name string) error {
	pfx := os.Getenv(signPFX)
	if pfx == "" {
		return nil
	}
	args := []string{"sign", "-pkcs12", pfx, "-h", "sha256", "-n", name, "-time", strconv.FormatInt(r.time.Unix(), 10)}
	if file := os.Getenv(signPassword); file != "" {
		args = append(args, "-readpass", file)
	}
	if url := os.Getenv(signStamp); url != "" {
		args = append(args, "-ts", url)
	}
	signed := path + ".signed"
	if _, err := output(ctx, r.work, "osslsigncode", append(args, "-in", path, "-out", signed)...); err != nil {
		return fmt.Errorf("sign %s: %w", filepath.Base(path), err)
	}
	r.signed = true
	return os.Rename(signed, path)
}
