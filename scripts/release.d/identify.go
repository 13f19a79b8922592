package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A release is one run of the program.
type release struct {
	repository string // where it was asked for
	source     string // what is built
	work       string // temporary
	out        string // what is published

	version string    // such as v1.2.3
	commit  string    // all of its digits
	time    time.Time // of the commit: the time of everything
	signed  bool
}

// versionForm is semantic versioning's, with the v of Go's tags.
var versionForm = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.]+)?(\+[0-9A-Za-z.]+)?$`)

// identify finds the digits of a commit, and the version if none is given.
func (r *release) identify(ctx context.Context, version, commit string) (err error) {
	if r.commit, err = output(ctx, r.repository, "git", "rev-parse", "--verify", commit+"^{commit}"); err != nil {
		return err
	}
	seconds, err := output(ctx, r.repository, "git", "log", "-1", "--format=%ct", r.commit)
	if err != nil {
		return err
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds = epoch
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %q is not a number of seconds", seconds)
	}
	r.time = time.Unix(n, 0).UTC()
	if r.version = version; version == "" {
		if r.version, err = describe(ctx, r.repository, r.commit); err != nil {
			return err
		}
	}
	if !versionForm.MatchString(r.version) {
		return fmt.Errorf("%q is not a version such as v1.2.3 or v1.2.3-rc.1", r.version)
	}
	fmt.Fprintf(os.Stderr, "release: %s, of commit %.12s\n", r.version, r.commit)
	return nil
}

// describe makes a version of the newest tag and the commits since. Later commits
// have later versions, for package managers too.
func describe(ctx context.Context, repository, commit string) (string, error) {
	text, err := output(ctx, repository, "git", "describe", "--tags", "--long", "--match", "v[0-9]*", "--abbrev=12", commit)
	if err != nil { // no tag yet
		count, err := output(ctx, repository, "git", "rev-list", "--count", commit)
		if err != nil {
			return "", err
		}
		hash, err := output(ctx, repository, "git", "rev-parse", "--short=12", commit)
		return "v0.0.0-dev." + count + "+g" + hash, err
	}
	parts := strings.Split(text, "-") // TAG-COUNT-gHASH; a tag may have hyphens
	n := len(parts)
	if n < 3 {
		return "", fmt.Errorf("git describe: %q", text)
	}
	tag, count, hash := strings.Join(parts[:n-2], "-"), parts[n-2], parts[n-1]
	if count == "0" {
		return tag, nil
	}
	return tag + "+" + count + "." + hash, nil
}

// number is the version as 1.2.3.
func (r *release) number() string {
	m := versionForm.FindStringSubmatch(r.version)
	return m[1] + "." + m[2] + "." + m[3]
}

// checkOut brings the commit to a folder of its own, as it was committed: what a person
// has set for git may convert lines, filter files or run hooks.
func (r *release) checkOut(ctx context.Context) error {
	r.source = filepath.Join(r.work, "source")
	if _, err := output(ctx, r.work, "git", "clone", "--quiet", "--shared", "--no-checkout", "--template=", r.repository, r.source); err != nil {
		return err
	}
	_, err := output(ctx, r.source, "env", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_COUNT=0", "GIT_ATTR_NOSYSTEM=1",
		"git", "-c", "core.attributesFile="+os.DevNull, "checkout", "--quiet", "--detach", r.commit)
	return err
}

// output runs a program in a folder and returns what it prints, without the last newline.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimRight(string(out), "\n"), err
}
