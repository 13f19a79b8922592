package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// A system is what programs are built for.
type system struct{ os, arch string }

func (s system) String() string { return s.os + "_" + s.arch }

var systems = []system{{"linux", "amd64"}, {"linux", "arm64"}, {"windows", "amd64"}, {"windows", "arm64"}}

// programs are those that a system gets: the account service is for Linux.
func (s system) programs() []string {
	if s.os == "windows" {
		return []string{"poolcert", "poolcert-agent"}
	}
	return []string{"poolcert", "poolcert-agent", "poolcert-server"}
}

// file is the name of a program's file.
func (s system) file(program string) string {
	if s.os == "windows" {
		return program + ".exe"
	}
	return program
}

// experiment is what Go is asked for beyond its promises, on Linux: internal/erase
// overwrites keys in memory by it. scripts/test tests with it.
const experiment = "runtimesecret"

// maxAgent is how large poolcert-agent may become, in bytes: it is on every node.
const maxAgent = 20e6

// bin is where the programs of a system are built.
func (r *release) bin(s system) string { return filepath.Join(r.stage(s), "bin") }

// stage is where what packages of a system have lies together.
func (r *release) stage(s system) string { return filepath.Join(r.work, s.String()) }

// build makes the programs of one system.
func (r *release) build(ctx context.Context, s system) error {
	fmt.Fprintf(os.Stderr, "release: building for %s/%s\n", s.os, s.arch)
	args := []string{"build", "-trimpath", "-buildvcs=true", "-mod=readonly",
		"-ldflags=-s -w -buildid= -X poolcert/internal/cli.release=" + r.version, "-o", r.bin(s) + "/"}
	for _, program := range s.programs() {
		args = append(args, "./cmd/"+program)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.source
	cmd.Env = s.environment()
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build for %v: %w", s, err)
	}
	agent := filepath.Join(r.bin(s), s.file("poolcert-agent"))
	if fi, err := os.Stat(agent); err != nil || fi.Size() > maxAgent {
		return fmt.Errorf("%s for %v is larger than %d bytes, or missing: %v", filepath.Base(agent), s, int(maxAgent), err)
	}
	return nil
}

// environment is what Go is run with for a system.
func (s system) environment() []string {
	env := append(goEnvironment(), "GOOS="+s.os, "GOARCH="+s.arch)
	if s.os == "linux" {
		env = append(env, "GOEXPERIMENT="+experiment)
	}
	return env
}

// goEnvironment is ours without what would change a build, and without the network.
func goEnvironment() []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		for _, kept := range []string{"GOPATH=", "GOMODCACHE=", "GOCACHE=", "GOROOT=", "GOTMPDIR=", "GOMAXPROCS="} {
			if len(v) >= len(kept) && v[:len(kept)] == kept {
				return false
			}
		}
		return len(v) > 2 && (v[:2] == "GO" || v[:3] == "CGO")
	})
	return append(env, "CGO_ENABLED=0", "GOPROXY=off", "GOTOOLCHAIN=local", "GOENV=off", "GOWORK=off", "GOFLAGS=")
}
