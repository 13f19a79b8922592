package main

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// installer makes the .msi for Windows on amd64, with wixl. Its version is of numbers
// only: a pre-release has the number of its release.
func (r *release) installer(ctx context.Context) error {
	s := system{"windows", "amd64"}
	dir := filepath.Join(r.work, "installer") // wixl finds files in its folder only
	var licences []byte
	for _, program := range s.programs() {
		if err := copyFile(filepath.Join(dir, s.file(program)), filepath.Join(r.bin(s), s.file(program))); err != nil {
			return err
		}
		text, err := os.ReadFile(r.licence(s, program))
		if err != nil {
			return err
		}
		licences = append(licences, text...)
	}
	if err := errors.Join(
		writeFile(filepath.Join(dir, "licences.txt"), licences),
		copyFile(filepath.Join(dir, "LICENSE"), filepath.Join(r.source, "LICENSE")),
		copyFile(filepath.Join(dir, "poolcert.wxs"), filepath.Join(r.source, "packaging", "windows", "poolcert.wxs")),
	); err != nil {
		return err
	}
	name := "poolcert_" + strings.TrimPrefix(r.version, "v") + "_" + s.String() + ".msi"
	if _, err := output(ctx, dir, "wixl", "--arch", "x64", "-D", "Version="+r.number(), "-D", "ProductCode="+r.productCode(),
		"-o", name, "poolcert.wxs"); err != nil {
		return fmt.Errorf("make the installer (apt install wixl): %w", err)
	}
	if err := r.sign(ctx, filepath.Join(dir, name), "poolcert"); err != nil {
		return err
	}
	return copyFile(filepath.Join(r.out, name), filepath.Join(dir, name))
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeFile(to, data)
}

// productCode names this version and commit for the Windows installer: another one
// is an upgrade.
func (r *release) productCode() string {
	sum := sha1.Sum([]byte("poolcert " + r.version + " " + r.commit))
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80 // version 5, as of a name (RFC 9562)
	return fmt.Sprintf("%X-%X-%X-%X-%X", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
