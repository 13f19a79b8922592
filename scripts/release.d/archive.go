package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A member is one file of an archive.
type member struct {
	name string
	path string
	mode int64
}

// archive makes the .tar.gz or .zip of a system: programs, licences, and on Linux man
// pages, completions and units, in one folder.
func (r *release) archive(s system) error {
	var members []member
	for _, program := range s.programs() {
		members = append(members,
			member{s.file(program), filepath.Join(r.bin(s), s.file(program)), 0o755},
			member{"licences/" + program + ".txt", r.licence(s, program), 0o644})
	}
	members = append(members, member{"LICENSE", filepath.Join(r.source, "LICENSE"), 0o644}, member{"README.md", filepath.Join(r.source, "README.md"), 0o644})
	if s.os == "linux" {
		for folder, pattern := range map[string]string{
			"man/man1":    filepath.Join(r.work, "manual", "*", "*.1.gz"),
			"completions": filepath.Join(r.work, "completions", "*"),
			"systemd":     filepath.Join(r.source, "packaging", "systemd", "poolcert-*"),
			".":           filepath.Join(r.source, "packaging", "agent.toml"),
		} {
			paths, err := filepath.Glob(pattern)
			if err != nil {
				return err
			}
			for _, path := range paths {
				members = append(members, member{filepath.ToSlash(filepath.Join(folder, filepath.Base(path))), path, 0o644})
			}
		}
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name, b.name) })
	folder := "poolcert_" + strings.TrimPrefix(r.version, "v") + "_" + s.String()
	if s.os == "windows" {
		return r.zip(folder, members)
	}
	return r.tar(folder, members)
}

func (r *release) tar(folder string, members []member) error {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		data, err := os.ReadFile(m.path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: folder + "/" + m.name, Size: int64(len(data)), Mode: m.mode,
			ModTime: r.time, Uname: "root", Gname: "root", Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return writeFile(filepath.Join(r.out, folder+".tar.gz"), compressed(b.Bytes()))
}

func (r *release) zip(folder string, members []member) error {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		data, err := os.ReadFile(m.path)
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: folder + "/" + m.name, Method: zip.Deflate, Modified: r.time}
		h.SetMode(os.FileMode(m.mode))
		f, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := f.Write(data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return writeFile(filepath.Join(r.out, folder+".zip"), b.Bytes())
}
