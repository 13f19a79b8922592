package taskcerts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"

	"poolcert/internal/fsuser"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

var (
	alice   = User{54_701, 54_702}
	mallory = User{54_703, 54_704}
)

const (
	pfxName = "sha1-0123456789abcdef0123456789abcdef01234567.pfx"
	secret  = "the private key of it"
)

// newSet makes an installed set, behind a link as the agent's is.
func newSet(t *testing.T) string {
	t.Helper()
	base := t.TempDir()
	folder := filepath.Join(base, "generations", "1", "task")
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.Symlink("generations/1", filepath.Join(base, "current"))); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{pfxName: secret, pfxName + ".pw": "pw", "README": "not one"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(data), 0o440); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(base, "current", "task")
}

// rootsDir is a folder that only root can change, on the way from / too.
func rootsDir(t *testing.T) string {
	t.Helper()
	testtool.NeedRoot(t, "to give files to others")
	return testfolder.New(t, "/run")
}

// homeOf is a folder of a user.
func homeOf(t *testing.T, u User) string {
	t.Helper()
	dir := filepath.Join(rootsDir(t), "home")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, u.UID, u.GID)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func as(t *testing.T, u User, f func() error) {
	t.Helper()
	if err := fsuser.Do(u.UID, u.GID, f); err != nil {
		t.Fatal(err)
	}
}

// listing tells what lies below dir, with owner and mode.
func listing(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		all = append(all, fmt.Sprint(name, " ", info.Mode(), " ", ownerOf(info).UID))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func check(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := listing(t, dir); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s has\n%s\nwant\n%s", dir, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMakeInRootsDir(t *testing.T) {
	set, base := newSet(t), rootsDir(t)
	dir := filepath.Join(base, "tasks", "42")
	for range 2 { // the second time, it is there
		path, err := Make(set, dir, alice)
		if err != nil || path != filepath.Join(dir, "certs") {
			t.Fatalf("%s, %v", path, err)
		}
		check(t, base, "tasks drwxr-xr-x 0", "tasks/42 drwxr-xr-x 0", "tasks/42/certs drwx------ 54701",
			"tasks/42/certs/"+pfxName+" -rw------- 54701", "tasks/42/certs/"+pfxName+".pw -rw------- 54701")
	}
	as(t, alice, func() error {
		data, err := os.ReadFile(filepath.Join(dir, "certs", pfxName))
		if string(data) != secret {
			t.Errorf("alice reads %q", data)
		}
		return err
	})
	as(t, mallory, func() error {
		if _, err := os.ReadFile(filepath.Join(dir, "certs", pfxName)); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("mallory reads it: %v", err)
		}
		return nil
	})
	if kept, err := Remove(dir); kept != 0 || err != nil {
		t.Errorf("Remove: kept %d, %v", kept, err)
	}
	check(t, base, "tasks drwxr-xr-x 0")
	if kept, err := Remove(dir); kept != 0 || err != nil {
		t.Errorf("Remove again: kept %d, %v", kept, err)
	}
}

// TestMakeAtOnce: the prologs of several tasks find no folder above theirs.
func TestMakeAtOnce(t *testing.T) {
	set, dir := newSet(t), rootsDir(t)
	for round := range 25 {
		var group errgroup.Group
		for task := range 8 {
			group.Go(func() error {
				_, err := Make(set, filepath.Join(dir, fmt.Sprint(round), "tasks", fmt.Sprint(task)), alice)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMakeInUsersDir(t *testing.T) {
	set, home := newSet(t), homeOf(t, alice)
	dir := filepath.Join(home, "job", "task")
	if _, err := Make(set, dir, alice); err != nil {
		t.Fatal(err)
	}
	check(t, home, "job drwx------ 54701", "job/task drwx------ 54701", "job/task/certs drwx------ 54701",
		"job/task/certs/"+pfxName+" -rw------- 54701", "job/task/certs/"+pfxName+".pw -rw------- 54701")
	// What the user makes there stays, and stands in the way of the next one.
	as(t, alice, func() error { return os.WriteFile(filepath.Join(dir, "certs", "mine"), nil, 0o600) })
	if kept, err := Remove(dir); kept != 1 || err != nil {
		t.Errorf("Remove: kept %d, %v", kept, err)
	}
	check(t, dir, "certs drwx------ 54701", "certs/mine -rw------- 54701")
	if _, err := Make(set, dir, alice); !errors.Is(err, ErrForeign) {
		t.Errorf("Make: %v, want ErrForeign", err)
	}
	if _, err := Make(set, home, mallory); !errors.Is(err, ErrPlace) {
		t.Errorf("for mallory, at alice's: %v, want ErrPlace", err)
	}
}

// A key that somebody still has open is gone, too.
func TestRemoveOverwrites(t *testing.T) {
	set := newSet(t)
	for _, dir := range []string{filepath.Join(rootsDir(t), "task"), homeOf(t, alice)} {
		if _, err := Make(set, dir, alice); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, "certs", pfxName))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := Remove(dir); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(secret))
		if _, err := f.ReadAt(got, 0); err != nil || strings.Trim(string(got), "\x00") != "" {
			t.Errorf("%s: read %q, %v; want zeros", dir, got, err)
		}
	}
}

// Whatever the user puts in the way, root touches nothing that the user could not.
func TestUserGames(t *testing.T) {
	set, base := newSet(t), rootsDir(t)
	precious := filepath.Join(base, "precious")
	if err := errors.Join(os.Mkdir(precious, 0o700), os.WriteFile(filepath.Join(precious, pfxName), []byte("of root"), 0o600)); err != nil {
		t.Fatal(err)
	}
	games := map[string]func(dir string) error{
		"certs is a link": func(dir string) error { return os.Symlink(precious, filepath.Join(dir, "certs")) },
		"a file is a link": func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "certs"), 0o700), os.Symlink(filepath.Join(precious, pfxName), filepath.Join(dir, "certs", pfxName)))
		},
		"a file is a pipe": func(dir string) error {
			return errors.Join(os.Mkdir(filepath.Join(dir, "certs"), 0o700), syscall.Mkfifo(filepath.Join(dir, "certs", pfxName), 0o600))
		},
		"certs is a file":       func(dir string) error { return os.WriteFile(filepath.Join(dir, "certs"), nil, 0o600) },
		"temp folder is a link": func(dir string) error { return os.Symlink(precious, filepath.Join(dir, tempPrefix+"X")) },
	}
	for name, game := range games {
		home := homeOf(t, alice)
		as(t, alice, func() error { return game(home) })
		_, makeErr := Make(set, home, alice)
		_, err := Remove(home)
		if err != nil { // an epilog that fails takes the node out of work
			t.Errorf("%s: Remove: %v", name, err)
		}
		t.Logf("%s: Make: %v; Remove: %v", name, makeErr, err)
		if data, err := os.ReadFile(filepath.Join(precious, pfxName)); string(data) != "of root" {
			t.Fatalf("%s: what is root's holds %q, %v", name, data, err)
		}
	}
	// The folder in a place of root's is the user's, and so is what is in it.
	dir := filepath.Join(base, "task")
	if _, err := Make(set, dir, alice); err != nil {
		t.Fatal(err)
	}
	certs := filepath.Join(dir, "certs")
	if err := os.Link(filepath.Join(precious, pfxName), filepath.Join(certs, strings.Replace(pfxName, "0", "f", 1))); err != nil {
		t.Fatal(err) // as alice could, where fs.protected_hardlinks is off
	}
	as(t, alice, func() error {
		return errors.Join(
			os.Remove(filepath.Join(certs, pfxName)),
			os.Symlink(filepath.Join(precious, pfxName), filepath.Join(certs, pfxName)),
			os.Symlink(precious, filepath.Join(certs, "more")),
			os.MkdirAll(filepath.Join(certs, "deep", "deeper"), 0o700),
			os.Chmod(filepath.Join(certs, "deep"), 0),
		)
	})
	if kept, err := Remove(dir); kept != 0 || err != nil {
		t.Errorf("Remove: kept %d, %v", kept, err)
	}
	if data, err := os.ReadFile(filepath.Join(precious, pfxName)); string(data) != "of root" {
		t.Errorf("what is root's holds %q, %v", data, err)
	}
	check(t, base, "precious drwx------ 0", "precious/"+pfxName+" -rw------- 0")
}

// A folder of the system that has the name is not for Remove.
func TestRemoveKeepsRootsOwn(t *testing.T) {
	dir := rootsDir(t)
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "certs"), 0o755), os.WriteFile(filepath.Join(dir, "certs", "ca.pem"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if kept, err := Remove(dir); kept != 1 || err != nil {
		t.Errorf("Remove: kept %d, %v", kept, err)
	}
	check(t, dir, "certs drwxr-xr-x 0", "certs/ca.pem -rw-r--r-- 0")
}

func TestPlacesOfOthers(t *testing.T) {
	set, base := newSet(t), rootsDir(t)
	if err := os.Chmod(base, 0o777); err != nil {
		t.Fatal(err)
	}
	roots, mallorys := filepath.Join(base, "root"), filepath.Join(base, "mallory")
	if err := errors.Join(os.Mkdir(roots, 0o755), os.Mkdir(mallorys, 0o755), os.Chown(mallorys, mallory.UID, mallory.GID)); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{roots, mallorys, filepath.Join(mallorys, "new")} {
		if _, err := Make(set, dir, alice); err == nil {
			t.Errorf("%s: no error", dir)
		} else {
			t.Log(err)
		}
	}
	check(t, base, "mallory drwxr-xr-x 54703", "root drwxr-xr-x 0")
	// In a place like /tmp, alice may have a folder of her own, and root has its own.
	if err := os.Chmod(base, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"alice", "root"} {
		if _, err := Make(set, filepath.Join(base, dir), alice); err != nil {
			t.Error(err)
		}
	}
	if _, err := Make(set, base, alice); !errors.Is(err, ErrPlace) {
		t.Errorf("in that place itself: %v, want ErrPlace", err)
	}
}

// What a killed process left is swept by the next one.
func TestKilledMake(t *testing.T) {
	set, dir := newSet(t), rootsDir(t)
	temp := filepath.Join(dir, tempPrefix+"LEFT")
	if err := errors.Join(os.Mkdir(temp, 0o700), os.WriteFile(filepath.Join(temp, pfxName), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(set, dir, alice); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(temp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", temp, err)
	}
}

func TestNoSet(t *testing.T) {
	if _, err := Make(filepath.Join(t.TempDir(), "current", "task"), t.TempDir(), Self()); !errors.Is(err, ErrNoSet) {
		t.Errorf("Make: %v, want ErrNoSet", err)
	}
}

// TestLinkOfUser: the link that a user has in the place of DIR leads root neither to
// the folder of another task nor to a place that only root can write to.
func TestLinkOfUser(t *testing.T) {
	set, base, home := newSet(t), rootsDir(t), homeOf(t, mallory)
	dir := filepath.Join(base, "tasks", "42")
	if _, err := Make(set, dir, alice); err != nil {
		t.Fatal(err)
	}
	before := listing(t, base)
	way := filepath.Join(base, "way") // of root's, over mallory's to root's again
	as(t, mallory, func() error {
		return errors.Join(os.Symlink(dir, filepath.Join(home, "job")), os.Symlink(base, filepath.Join(home, "base")))
	})
	if err := os.Symlink(filepath.Join(home, "base"), way); err != nil {
		t.Fatal(err)
	}
	before = append(before, "way "+fs.FileMode(fs.ModeSymlink|0o777).String()+" 0")
	for _, path := range []string{filepath.Join(home, "job"), filepath.Join(home, "base", "tasks", "42"), filepath.Join(way, "tasks", "42")} {
		if _, err := Make(set, path, mallory); !errors.Is(err, ErrPlace) {
			t.Errorf("Make in %s: %v, want ErrPlace", path, err)
		}
		if _, err := Remove(path); !errors.Is(err, ErrPlace) {
			t.Errorf("Remove in %s: %v, want ErrPlace", path, err)
		}
		if _, err := Make(set, filepath.Join(path, "new"), mallory); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("Make in a new folder in %s: %v, want ErrPermission", path, err)
		}
		check(t, base, before...)
	}
	// Root's own links are followed, as /var/run is.
	if err := errors.Join(os.Remove(way), os.Symlink("../"+filepath.Base(base)+"/./tasks", way)); err != nil {
		t.Fatal(err)
	}
	if _, err := Remove(filepath.Join(way, "42")); err != nil {
		t.Errorf("Remove by a link of root's: %v", err)
	}
	check(t, base, "tasks drwxr-xr-x 0", before[len(before)-1])
}

func TestMakeRefusesOpenFolder(t *testing.T) {
	set, home := newSet(t), homeOf(t, alice)
	if err := os.Chmod(home, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(set, home, alice); !errors.Is(err, ErrPlace) {
		t.Errorf("Make where everybody can write: %v, want ErrPlace", err)
	}
	check(t, home)
}
