// Release builds what is published of poolcert: programs, packages, archives, an
// installer for Windows, and the lists that go with them. scripts/release runs it.
//
// A release is built from a commit, whatever the work tree holds, and the same commit
// and version give the same bytes anywhere (the .msi excepted: docs/release.md).
// It needs no network: the modules have to be in Go's cache.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ExitOnError)
	version := flags.String("version", "", "")
	repository := flags.String("repository", ".", "")
	commit := flags.String("commit", "HEAD", "")
	quick := flags.Bool("packages", false, "")
	asIs := flags.Bool("work-tree", false, "")
	flags.Parse(args)
	if flags.NArg() != 1 {
		return fmt.Errorf("want one folder for the result, got %q", flags.Args())
	}
	out, err := newFolder(flags.Arg(0))
	if err != nil {
		return err
	}
	r := &release{out: out}
	if r.work, err = os.MkdirTemp("", "poolcert-release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	if r.repository, err = filepath.Abs(*repository); err != nil {
		return err
	}
	if err := r.identify(ctx, *version, *commit); err != nil {
		return err
	}
	if *asIs && *quick {
		r.source = r.repository
	} else if *asIs {
		return errors.New("-work-tree is for -packages only: a release is of a commit")
	} else if err := r.checkOut(ctx); err != nil {
		return err
	}
	if *quick {
		return r.packagesOfThisMachine(ctx)
	}
	return r.all(ctx)
}

// newFolder makes a folder, or takes an empty one: what is in it afterwards is the
// release and nothing else.
func newFolder(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", err
	}
	entries, err := os.ReadDir(path)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty: name a new folder", path)
	}
	return path, err
}

// packagesOfThisMachine makes the .deb and .rpm files for this architecture, quickly: for tests.
func (r *release) packagesOfThisMachine(ctx context.Context) error {
	linux := system{"linux", runtime.GOARCH}
	if err := r.build(ctx, linux); err != nil {
		return err
	}
	if err := r.describe(ctx, linux); err != nil {
		return err
	}
	return r.pack(linux, "deb", "rpm")
}

// all makes the whole release.
func (r *release) all(ctx context.Context) error {
	if err := r.checkNames(); err != nil {
		return err
	}
	for _, s := range systems {
		if err := r.build(ctx, s); err != nil {
			return err
		}
	}
	if err := r.signPrograms(ctx); err != nil {
		return err
	}
	if err := r.describe(ctx, system{"linux", runtime.GOARCH}); err != nil {
		return err
	}
	windows := system{"windows", "amd64"}
	for _, program := range windows.programs() {
		if err := r.licences(ctx, windows, program); err != nil {
			return err
		}
	}
	for _, s := range systems {
		if s.os == "linux" {
			if err := r.pack(s, "deb", "rpm"); err != nil {
				return err
			}
		}
		if err := r.archive(s); err != nil {
			return err
		}
		if err := r.listModules(s); err != nil {
			return err
		}
	}
	if err := r.installer(ctx); err != nil {
		return err
	}
	if err := r.sum(); err != nil {
		return err
	}
	r.tellWhatIsLeft()
	return nil
}
