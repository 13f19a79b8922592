package agent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"poolcert/agent/lastgood"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/nodeapi"
	"poolcert/internal/securefile"
	"poolcert/store"
)

// installJob holds, in the environment, what the process has to install.
const installJob = "POOLCERT_TEST_INSTALL"

// A sweepJob is a node's two directories, and what it is to have.
type sweepJob struct {
	Program      string // these tests, built without the race detector, which takes ten times as long under strace
	Dir          string // has certs and state
	Revision     string
	References   []batch.CertificateReference
	Certificates map[batch.Thumbprint]*nodeapi.Certificate
	InPlace      bool // install like somebody who does not know how
}

const (
	sweepGroup  = 54_300
	sweepReader = 54_301
)

// sweepOwners give tasks' files to a group, remote users' to a user by ACL.
func sweepOwners() map[batch.Visibility]store.Owner {
	return map[batch.Visibility]store.Owner{
		batch.Task:       {GID: sweepGroup},
		batch.RemoteUser: {Mode: 0o400, ACL: store.NewACL([]int{sweepReader}, nil)},
	}
}

func (j *sweepJob) root() string  { return filepath.Join(j.Dir, "certs") }
func (j *sweepJob) state() string { return filepath.Join(j.Dir, "state") }

// run installs, as an agent does from its start.
func (j *sweepJob) run(ctx context.Context) error {
	state, err := statedir.Open(j.state())
	if err != nil {
		return err
	}
	defer state.Close()
	dir, err := store.OpenDir(store.DirOptions{
		Root: j.root(), Owners: sweepOwners(),
		Formats: map[batch.Visibility][]store.FileFormat{batch.RemoteUser: {store.FileKey}},
	})
	if err != nil {
		return err
	}
	r := &reconciler{
		source: &fakeSource{certificates: j.Certificates}, store: dir, vault: j.vault(state), wants: newLatest[want](),
		record: newRecord(), log: slog.New(slog.DiscardHandler), held: make(map[batch.Thumbprint]*holding),
	}
	r.record.contact(nil)
	if _, err := os.Stat(state.File(statedir.LastGoodFile)); err == nil {
		r.restore(ctx)
	}
	if j.InPlace {
		return j.overwrite()
	}
	return r.apply(ctx, wantOf(ctx, j.Revision, j.References...))
}

func (j *sweepJob) vault(state *statedir.Dir) *lastgood.Vault {
	return testVault(state)
}

// overwrite is the negative control: it has the same end, and keeps no promise.
func (j *sweepJob) overwrite() error {
	dir := filepath.Join(j.root(), "current", "task")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	for thumbprint, c := range j.Certificates {
		name := filepath.Join(dir, "sha1-"+thumbprint.String()+".pfx")
		if err := errors.Join(os.WriteFile(name, c.Data, 0o644), os.Chown(name, 0, sweepGroup), os.Chmod(name, 0o440)); err != nil {
			return err
		}
	}
	return nil
}

// init is the process, before there are tests, and on the first thread.
func init() {
	text := os.Getenv(installJob)
	if text == "" {
		return
	}
	runtime.LockOSThread()
	var j sweepJob
	err := json.Unmarshal([]byte(text), &j)
	if err == nil {
		err = j.run(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// command returns the process. One thread does all its work, so that the calls can be counted.
func (j *sweepJob) command(prefix ...string) *exec.Cmd {
	text, _ := json.Marshal(j)
	argv := append(prefix, j.Program)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), installJob+"="+string(text), "GOMAXPROCS=1", "GOGC=off")
	return cmd
}

// snapshot returns what is in the current set, with all rights.
func (j *sweepJob) snapshot() (map[string]string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Join(j.root(), "current"))
	if err != nil {
		return nil, err
	}
	tree := make(map[string]string)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		var content []byte
		if !e.IsDir() {
			if content, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		acl := make([]byte, 256)
		n, _ := unix.Lgetxattr(path, "system.posix_acl_access", acl)
		name, _ := filepath.Rel(dir, path)
		tree[name] = fmt.Sprintf("%o %d:%d %x %x", st.Mode, st.Uid, st.Gid, acl[:max(n, 0)], sha256.Sum256(content))
		return nil
	})
	return tree, err
}

// exposed returns what is open to somebody who may not have it, anywhere.
func (j *sweepJob) exposed() (found []string) {
	err := filepath.WalkDir(j.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode, st := info.Mode(), info.Sys().(*syscall.Stat_t)
		switch {
		case e.IsDir() && mode.Perm() == 0o700:
			if path != j.state() {
				return fs.SkipDir // nobody gets further
			}
		case e.Type() == fs.ModeSymlink:
		case mode.Perm()&0o022 != 0:
			found = append(found, fmt.Sprintf("%s can be written: %v", path, mode))
		case e.IsDir():
		case st.Uid != 0 || mode.Perm()&0o007 != 0 || strings.HasPrefix(path, j.state()) && mode != 0o600:
			found = append(found, fmt.Sprintf("%s is open: %v, uid %d", path, mode, st.Uid))
		case mode.Perm()&0o040 != 0 && st.Gid != sweepGroup && filepath.Base(filepath.Dir(path)) != "remoteuser":
			found = append(found, fmt.Sprintf("%s is open: %v, gid %d", path, mode, st.Gid))
		}
		return nil
	})
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}

// leftovers returns what a completed install of j should have removed.
func (j *sweepJob) leftovers() (found []string) {
	err := filepath.WalkDir(j.Dir, func(path string, e fs.DirEntry, err error) error {
		name := filepath.Base(path)
		thumbprint, _, isFile := strings.Cut(strings.TrimPrefix(name, "sha1-"), ".")
		gone := strings.HasPrefix(name, "sha1-") && isFile && !slices.ContainsFunc(j.References, func(r batch.CertificateReference) bool {
			return r.Thumbprint.String() == thumbprint && slices.Contains(r.WithDefaults().Visibility, batch.Visibility(filepath.Base(filepath.Dir(path))))
		})
		if gone || securefile.IsTemp(name) || strings.HasPrefix(name, ".new-") || strings.HasPrefix(name, ".current-") {
			found = append(found, path)
		}
		return err
	})
	if all, _ := os.ReadDir(filepath.Join(j.root(), "generations")); err != nil || len(all) > 2 {
		found = append(found, fmt.Sprint(len(all), " generations ", err))
	}
	return found
}

// saved returns the revision of the last-known-good set.
func (j *sweepJob) saved() (string, error) {
	set, err := j.vault(statedir.At(j.state())).Load()
	if err != nil || set == nil {
		return "none", err
	}
	return set.Revision, nil
}
