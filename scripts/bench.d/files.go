//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxMemory is the peak that decrypting may have, in bytes.
const maxMemory = 32 << 20

// files decrypts large messages, from file to file, in the fast folder.
func (b *bench) files(ctx context.Context) error {
	sizes := []struct {
		name        string
		bytes       int64
		repetitions int
	}{{"256 MiB", 256 << 20, 7}, {"1 GiB", 1 << 30, 3}}
	if b.quick {
		sizes = sizes[:1]
	}
	for _, size := range sizes {
		plain := filepath.Join(b.fast, "plain")
		if err := writeRandom(plain, size.bytes); err != nil {
			return err
		}
		sealed := filepath.Join(b.fast, "age")
		if err := b.prepare(ctx, "age", "-e", "-i", "age.key", "-o", sealed, plain); err != nil {
			return err
		}
		for _, cipher := range []struct {
			name, option string
			faster       float64 // than openssl, at least
		}{{"CBC", "-aes-256-cbc", 6}, {"GCM", "-aes-256-gcm", 8}} {
			title := fmt.Sprintf("%s, AES-256-%s", size.name, cipher.name)
			medians, err := b.file(ctx, title, plain, cipher.option, b.repetitions(size.repetitions))
			if err != nil {
				return err
			}
			for _, form := range []string{"BER", "DER"} {
				ours := medians["poolcert, "+form]
				b.atLeast(fmt.Sprintf("%s: faster than openssl, %s", title, form), medians["openssl, "+form], ours, cipher.faster)
				b.atLeast(fmt.Sprintf("%s: faster than age, %s", title, form), medians["age"], ours, 1)
				b.memoryGoal(fmt.Sprintf("%s: peak memory, %s", title, form), ours)
			}
		}
	}
	return nil
}

func (b *bench) memoryGoal(what string, r run) {
	b.goals = append(b.goals, goal{what, fmt.Sprintf("%.1f MiB", float64(r.rss)/(1<<20)), "at most 32 MiB", r.rss <= maxMemory})
}

// file compares the programs on the same bytes in two messages: DER, whose lengths
// are known, and BER with indefinite lengths, as openssl -stream writes.
func (b *bench) file(ctx context.Context, title, plain, cipher string, n int) (map[string]run, error) {
	out := filepath.Join(b.fast, "out")
	programs := []program{command("age", "age", "-d", "-i", "age.key", "-o", out, filepath.Join(b.fast, "age"))}
	for _, form := range []string{"DER", "BER"} {
		message := filepath.Join(b.fast, form)
		stream := map[string]string{"DER": "-nodetach", "BER": "-stream"}[form] // -nodetach says nothing here
		err := b.prepare(ctx, "openssl", "cms", "-encrypt", "-binary", cipher, stream, "-outform", "DER", "-in", plain, "-out", message, "cert.pem")
		if err != nil {
			return nil, err
		}
		programs = append(programs,
			command("poolcert, "+form, "poolcert", "decrypt", "--pfx", "cert.pfx", "--password-file", "pw", "-o", out, message),
			command("openssl, "+form, "openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", message, "-inkey", "key.pem", "-out", out))
	}
	checked := make(map[string]bool)
	medians, err := takeTurns(ctx, n, programs, func(name string) error {
		if !checked[name] {
			checked[name] = true
			if err := sameContent(out, plain); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return os.Remove(out)
	})
	if err != nil {
		return nil, err
	}
	printRuns(title, programs, medians)
	return medians, nil
}

// disk shows what it costs that an output of poolcert is on the disk, for sure,
// before it appears: the other programs leave that to the system.
func (b *bench) disk(ctx context.Context) error {
	plain, message := filepath.Join(b.fast, "plain"), filepath.Join(b.fast, "GCM")
	if err := writeRandom(plain, 256<<20); err != nil {
		return err
	}
	if err := b.prepare(ctx, "poolcert", "encrypt", "--to", "cert.pem", "-o", message, plain); err != nil {
		return err
	}
	const out = "out"
	programs := []program{
		command("poolcert, with fsync", "poolcert", "decrypt", "--pfx", "cert.pfx", "--password-file", "pw", "-o", out, message),
		command("openssl, without", "openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", message, "-inkey", "key.pem", "-out", out),
		command("openssl, then sync", "sh", "-c", "openssl cms -decrypt -binary -inform DER -in '"+message+"' -inkey key.pem -out out && sync out"),
		command("sync alone: cp, then sync", "sh", "-c", "cp '"+plain+"' out && sync out"),
	}
	medians, err := takeTurns(ctx, b.repetitions(5), programs, func(string) error { return os.Remove(out) })
	if err != nil {
		return err
	}
	printRuns("256 MiB, AES-256-GCM, to the disk", programs, medians)
	for _, name := range []string{"plain", "age", "GCM", "DER", "BER"} {
		if err := os.RemoveAll(filepath.Join(b.fast, name)); err != nil {
			return err
		}
	}
	return nil
}

// tenGiB decrypts once on the disk: its goal is the memory.
func (b *bench) tenGiB(ctx context.Context) error {
	if !b.large {
		return nil
	}
	const message, out = "large.cms", "large"
	var programs []program
	medians := make(map[string]run)
	for _, name := range []string{"CBC", "GCM"} {
		option := fmt.Sprintf("--compat=%v", name == "CBC")
		err := b.prepare(ctx, "sh", "-c", "head -c 10G /dev/zero | poolcert encrypt --to cert.pem "+option+" -o "+message)
		if err != nil {
			return err
		}
		p := command("poolcert, "+name, "poolcert", "decrypt", "--pfx", "cert.pfx", "--password-file", "pw", "-o", out, message)
		r, err := p.run(ctx)
		if err != nil {
			return err
		}
		info, err := os.Stat(out)
		if err != nil || info.Size() != 10<<30 {
			return fmt.Errorf("%s: 10 GiB came out wrong: %v", p.name, err)
		}
		r.best = r.wall
		programs, medians[p.name] = append(programs, p), r
		b.memoryGoal("10 GiB, AES-256-"+name+": peak memory", r)
		if err := os.Remove(out); err != nil {
			return err
		}
	}
	printRuns("10 GiB, to the disk", programs, medians)
	return os.Remove(message)
}

// prepare runs a command that is not measured.
func (b *bench) prepare(ctx context.Context, args ...string) error {
	_, err := command(args[0], args...).run(ctx)
	return err
}

func writeRandom(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.Reader, size); err != nil {
		return err
	}
	return f.Close()
}

func sameContent(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	g, err := os.Open(want)
	if err != nil {
		return err
	}
	defer g.Close()
	a, b := bufio.NewReaderSize(f, 1<<16), bufio.NewReaderSize(g, 1<<16)
	for {
		got, err := a.Peek(1 << 15)
		want, wantErr := b.Peek(1 << 15)
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) {
			return fmt.Errorf("what came out is not what was sealed")
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		a.Discard(len(got))
		b.Discard(len(want))
	}
}
