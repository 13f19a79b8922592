package store_test

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"poolcert/batch"
	"poolcert/internal/testtool"
	"poolcert/store"
	"poolcert/store/storetest"
)

// aUser is who gets the files of tasks.
const aUser = 54_321

func optionsWithUser(t *testing.T, root string) store.DirOptions {
	t.Helper()
	testtool.NeedRoot(t, "to give files to others")
	opts := options(root)
	opts.Owners[batch.Task] = store.Owner{UID: aUser, GID: 54_300}
	return opts
}

// A user who has the files reads them, and may do nothing to their folder.
func TestDirOwnedByUser(t *testing.T) {
	root := memoryRoot(t)
	d := openDir(t, optionsWithUser(t, root))
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	a := storetest.PFX(t, "a")
	replace(t, d, a)
	folder := filepath.Join(root, "current", "task")
	file := filepath.Join(folder, "sha1-"+a.Reference.Thumbprint.String()+".pfx.pw")
	for _, test := range []struct {
		uid, gid uint32
		args     []string
		want     bool
	}{
		{aUser, 1, []string{"cat", file}, true},
		{2, 54_300, []string{"cat", file}, true},
		{2, 2, []string{"cat", file}, false},
		{2, 2, []string{"ls", folder}, false},
		{aUser, 54_300, []string{"mkdir", folder + "/trap"}, false},
		{aUser, 54_300, []string{"rm", "-f", file}, false},
		{aUser, 54_300, []string{"chmod", "777", folder}, false},
	} {
		cmd := exec.Command(test.args[0], test.args[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: test.uid, Gid: test.gid}}
		if err := cmd.Run(); (err == nil) != test.want {
			t.Errorf("uid %d, gid %d: %q: error %v, want success %v", test.uid, test.gid, test.args, err, test.want)
		}
	}
	if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair: %v, error %v", found, err)
	}
}

// Where a user has a folder all the same, such as of an earlier version, nothing
// that is exchanged there under way leads a change elsewhere, or holds it up.
func TestDirTraps(t *testing.T) {
	for name, spring := range map[string]func(trap string) error{
		"link": func(trap string) error { return os.Symlink("../../../generations", trap) },
		"pipe": func(trap string) error { return syscall.Mkfifo(trap, 0o666) },
		"file": func(trap string) error { return os.WriteFile(trap, nil, 0o666) },
	} {
		for _, at := range []string{"open", "chown", "chmod"} {
			t.Run(name+" at "+at, func(t *testing.T) {
				root := memoryRoot(t)
				opts := optionsWithUser(t, root)
				var trap string
				d, err := store.OpenDirStep(opts, func(op, name string) error {
					// "open" is before the folder of the trap is ours.
					here := at == op && strings.HasSuffix(name, "/task/trap") || at == "open" && op == "chown" && strings.HasSuffix(name, "/task")
					if !here || trap == "" || !strings.HasPrefix(trap, filepath.Join(root, path.Dir(name))) {
						return nil
					}
					place := trap
					trap = ""
					become(t, aUser, func() {
						// Not allowed any more when the folder is not the user's.
						if os.Rename(place, place+".away") == nil {
							if err := spring(place); err != nil {
								t.Error(err)
							}
						}
					})
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				a, b := storetest.PFX(t, "a"), storetest.PFX(t, "b")
				replace(t, d, a)
				current, err := filepath.EvalSymlinks(filepath.Join(root, "current"))
				if err != nil {
					t.Fatal(err)
				}
				folder := filepath.Join(current, "task")
				trap = filepath.Join(folder, "trap")
				if err := os.Mkdir(trap, 0o755); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{folder, trap} {
					if err := os.Chown(name, aUser, -1); err != nil {
						t.Fatal(err)
					}
				}
				replace(t, d, b)
				if trap != "" {
					t.Error("the trap was not sprung")
				}
				if info, err := os.Stat(filepath.Join(root, "generations")); err != nil || info.Mode().Perm() != 0o755 {
					t.Errorf("generations: mode %v, error %v, want 0755", info.Mode(), err)
				}
				files, err := os.ReadDir(filepath.Join(root, "current", "task"))
				if err != nil || len(files) != 3 {
					t.Errorf("the current set has %v, error %v", files, err)
				}
				checkClean(t, root, 1, a)
			})
		}
	}
}

// Of an older generation, only folders that are ours are looked into.
func TestDirOwnedByUserBefore(t *testing.T) {
	root := memoryRoot(t)
	opts := optionsWithUser(t, root)
	a := storetest.PFX(t, "a")
	d := openDir(t, opts)
	replace(t, d, a)
	replace(t, d, a)
	folders, err := filepath.Glob(root + "/generations/*/task")
	if err != nil || len(folders) != 2 {
		t.Fatalf("folders %v, error %v, want 2", folders, err)
	}
	for _, folder := range folders {
		if err := os.Chown(folder, aUser, -1); err != nil {
			t.Fatal(err)
		}
	}
	openDir(t, opts)
	if left, err := filepath.Glob(root + "/generations/*/task"); err != nil || len(left) != 1 || left[0] != folders[1] {
		t.Errorf("left are %v, error %v, want the current one", left, err)
	}
}

// become runs do with the rights that a user has to files.
func become(t *testing.T, uid int, do func()) {
	t.Helper()
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread() // the thread ends with this goroutine
		unix.SetfsgidRetGid(uid)
		unix.SetfsuidRetUid(uid)
		do()
	}()
	<-done
}

// A file that gets a second name while it is wiped keeps its content: the name
// may be someone else's file, put in place of ours.
func TestDirWipeSparesLinkedFile(t *testing.T) {
	root := memoryRoot(t)
	victim := filepath.Join(filepath.Dir(root), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o400); err != nil {
		t.Fatal(err)
	}
	armed := false
	d, err := store.OpenDirStep(options(root), func(op, name string) error {
		if armed && op == "chmod" && strings.HasSuffix(name, ".pfx.pw") && !strings.Contains(name, ".new-") {
			armed = false
			file := filepath.Join(root, name)
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
			if err := os.Link(victim, file); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	replace(t, d, storetest.PFX(t, "a", batch.Task))
	armed = true
	replace(t, d, storetest.PFX(t, "b", batch.Task))
	if armed {
		t.Error("no file was wiped")
	}
	if data, err := os.ReadFile(victim); err != nil || !bytes.Equal(data, []byte("precious")) {
		t.Errorf("the other file has %q, error %v", data, err)
	}
}

// Whatever the user of a file does to it, the file goes with its certificate, and
// costs no memory that the user chooses.
func TestDirRemovesFilesOfUser(t *testing.T) {
	for name, spoil := range map[string]func(*os.File) error{
		"lease": func(f *os.File) error {
			const setLease = 1024 // F_SETLEASE
			_, err := unix.FcntlInt(f.Fd(), setLease, unix.F_RDLCK)
			return err
		},
		"size": func(f *os.File) error {
			if err := f.Chmod(0o600); err != nil {
				return err
			}
			return os.Truncate(f.Name(), 1<<50)
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := memoryRoot(t)
			if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
				t.Fatal(err)
			}
			d := openDir(t, optionsWithUser(t, root))
			a, b := storetest.PFX(t, "a"), storetest.PFX(t, "b")
			replace(t, d, a)
			become(t, aUser, func() {
				f, err := os.Open(filepath.Join(root, "current", "task", "sha1-"+a.Reference.Thumbprint.String()+".pfx"))
				if err == nil {
					t.Cleanup(func() { f.Close() })
					err = spoil(f)
				}
				if err != nil {
					t.Error(err)
				}
			})
			replace(t, d, b)
			checkClean(t, root, 1, a)
		})
	}
}
