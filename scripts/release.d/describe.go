package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// describe makes what is the same for all Linux systems, with the programs of s, which
// run here: man pages, completions, licences, and the changelog of packages.
func (r *release) describe(ctx context.Context, s system) error {
	for _, program := range s.programs() {
		if err := r.manual(ctx, s, program); err != nil {
			return err
		}
		for _, shell := range []string{"bash", "zsh", "fish"} {
			text, err := output(ctx, r.work, filepath.Join(r.bin(s), program), "completion", shell)
			if err != nil {
				return err
			}
			if err := writeFile(filepath.Join(r.work, "completions", program+"."+shell), []byte(text+"\n")); err != nil {
				return err
			}
		}
		if err := r.licences(ctx, s, program); err != nil {
			return err
		}
	}
	return r.changelog()
}

// manual makes the compressed man pages of a program.
func (r *release) manual(ctx context.Context, s system, program string) error {
	dir := filepath.Join(r.work, "manual", program)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if _, err := output(ctx, r.work, filepath.Join(r.bin(s), program), "manual", "--date", r.time.Format(time.DateOnly), dir); err != nil {
		return err
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		if err := writeFile(page+".gz", compressed(text)); err != nil {
			return err
		}
		if err := os.Remove(page); err != nil {
			return err
		}
	}
	return nil
}

// changelog writes the changelog that packages have, in the form of nfpm.
func (r *release) changelog() error {
	var b strings.Builder
	b.WriteString("- semver: " + strings.TrimPrefix(r.version, "v") + "\n")
	b.WriteString("  date: " + r.time.Format(time.RFC3339) + "\n")
	b.WriteString("  packager: " + maintainer + "\n")
	b.WriteString("  deb: {urgency: medium, distributions: [stable]}\n")
	b.WriteString("  changes:\n    - note: \"Release " + r.version + ", of commit " + r.commit[:12] + ".\"\n")
	return writeFile(filepath.Join(r.work, "changelog.yaml"), []byte(b.String()))
}

// compressed is data in gzip's form, without a name and a time.
func compressed(data []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // a level that exists
	z.Write(data)                                         // to memory
	z.Close()
	return b.Bytes()
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
