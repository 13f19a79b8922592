//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
)

// unwrapFiles is how many files of 10 KB are opened at once.
const unwrapFiles = 1000

// unwrap opens many small files: one program, against a shell's loop of openssl.
func (b *bench) unwrap(ctx context.Context) error {
	in := filepath.Join(b.fast, "sealed")
	if err := os.Mkdir(in, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(in)
	plain := make([]byte, 10<<10)
	rand.Read(plain)
	if err := os.WriteFile("small", plain, 0o600); err != nil {
		return err
	}
	err := b.prepare(ctx, "sh", "-c", fmt.Sprintf("i=0; while [ $i -lt %d ]; do openssl cms -encrypt -binary -aes-256-cbc -outform DER -in small -out '%s'/$i.cms cert.pem || exit; i=$((i+1)); done", unwrapFiles, in))
	if err != nil {
		return err
	}
	const (
		loop         = "a loop of openssl cms -decrypt"
		ours         = "poolcert unwrap --key"
		throughAgent = "poolcert unwrap, through the agent"
		onDisk       = "the same, to the disk, with fsync"
	)
	out, disk := filepath.Join(b.fast, "opened"), "opened"
	programs := []program{
		command(loop, "sh", "-c", fmt.Sprintf("mkdir '%[2]s'; for f in '%[1]s'/*.cms; do n=${f##*/}; openssl cms -decrypt -binary -inform DER -in \"$f\" -inkey key.pem -out '%[2]s'/${n%%.cms} || exit; done", in, out)),
		command(ours, "poolcert", "unwrap", "--key", "key.pem", "--cert", "cert.pem", "--to", out, in),
		command(throughAgent, "poolcert", "unwrap", "--to", out, in),
		command(onDisk, "poolcert", "unwrap", "--to", disk, in),
	}
	medians, err := takeTurns(ctx, b.repetitions(5), programs, func(name string) error {
		at := out
		if name == onDisk {
			at = disk
		}
		names, err := os.ReadDir(at)
		if err == nil && len(names) != unwrapFiles {
			err = fmt.Errorf("%s: %d files came out", name, len(names))
		}
		if err == nil {
			err = sameContent(filepath.Join(at, names[0].Name()), "small")
		}
		if err != nil {
			return err
		}
		return os.RemoveAll(at)
	})
	if err != nil {
		return err
	}
	printRuns(fmt.Sprintf("%d files of 10 KB, AES-256-CBC", unwrapFiles), programs, medians)
	b.atLeast("1,000 files of 10 KB with a key in PEM: faster than a loop of openssl", medians[loop], medians[ours], 10)
	b.atLeast("1,000 files of 10 KB through the agent: faster than a loop of openssl", medians[loop], medians[throughAgent], 10)
	return nil
}
