package store_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"poolcert/batch"
	"poolcert/internal/testtool"
	"poolcert/store"
	"poolcert/store/storetest"
)

// openRoot is memoryRoot below folders that everybody may pass through.
func openRoot(t *testing.T) string {
	t.Helper()
	testtool.NeedRoot(t, "who can become others")
	root := memoryRoot(t)
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// mayRead tells whether a user with one group reads the file.
func mayRead(t *testing.T, uid, gid uint32, file string) bool {
	t.Helper()
	cmd := exec.Command("cat", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	return cmd.Run() == nil
}

func TestDirModesAndACLs(t *testing.T) {
	const owner, group, reader, readers, stranger = 54_401, 54_402, 54_403, 54_404, 54_405
	for _, test := range []struct {
		name                string
		owner               store.Owner
		file, folder        fs.FileMode
		user, group, others bool
	}{
		{"default", store.Owner{GID: group}, 0o440, 0o750, false, true, false},
		{"user only", store.Owner{UID: owner, GID: group, Mode: 0o400}, 0o400, 0o701, true, false, false},
		{"written by the user", store.Owner{UID: owner, GID: group, Mode: 0o640}, 0o640, 0o751, true, true, false},
		{"more readers", store.Owner{GID: group, ACL: store.NewACL([]int{reader}, []int{readers})}, 0o440, 0o750, false, true, true},
		// The group's bits are the mask now, and the group itself reads nothing.
		{"readers, but no group", store.Owner{UID: owner, GID: group, Mode: 0o400, ACL: store.NewACL([]int{reader}, []int{readers})}, 0o440, 0o751, true, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := openRoot(t)
			opts := options(root)
			opts.Owners[batch.Task] = test.owner
			d := openDir(t, opts)
			a := storetest.PFX(t, "a")
			replace(t, d, a)
			folder := filepath.Join(root, "current", "task")
			file := filepath.Join(folder, "sha1-"+a.Reference.Thumbprint.String()+".pfx")
			for path, want := range map[string]fs.FileMode{file: test.file, folder: fs.ModeDir | test.folder} {
				if info, err := os.Stat(path); err != nil || info.Mode() != want {
					t.Errorf("%s: mode %v, %v; want %v", filepath.Base(path), info.Mode(), err, want)
				}
			}
			for _, who := range []struct {
				name     string
				uid, gid uint32
				want     bool
			}{
				{"owner", owner, stranger, test.user}, {"group", stranger, group, test.group},
				{"reader", reader, stranger, test.others}, {"readers", stranger, readers, test.others}, {"stranger", stranger, stranger, false},
			} {
				if got := mayRead(t, who.uid, who.gid, file); got != who.want {
					t.Errorf("%s reads: %v, want %v", who.name, got, who.want)
				}
			}
			if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
				t.Errorf("Repair: %v, %v", found, err)
			}
			replace(t, d) // files with any mode and ACL go
			checkClean(t, root, 1, a)
		})
	}
}

// everybody is an ACL by which the user 54499 reads.
func everybody() []byte {
	value := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range [][3]uint32{{1, 7, 0xffffffff}, {2, 7, 54_499}, {4, 7, 0xffffffff}, {0x10, 7, 0xffffffff}, {0x20, 0, 0xffffffff}} {
		value = binary.LittleEndian.AppendUint16(value, uint16(e[0]))
		value = binary.LittleEndian.AppendUint16(value, uint16(e[1]))
		value = binary.LittleEndian.AppendUint32(value, e[2])
	}
	return value
}

func TestDirMendsACLs(t *testing.T) {
	root := openRoot(t)
	opts := options(root)
	opts.Owners[batch.Task] = store.Owner{GID: 54_300, ACL: store.NewACL([]int{54_403}, nil)}
	d := openDir(t, opts)
	a := storetest.PFX(t, "a")
	replace(t, d, a)
	name := "sha1-" + a.Reference.Thumbprint.String() + ".pfx"
	for path, damage := range map[string]func(path string) error{
		"task/" + name:      func(path string) error { return unix.Removexattr(path, "system.posix_acl_access") },
		"task":              func(path string) error { return unix.Removexattr(path, "system.posix_acl_access") },
		"starttask/" + name: func(path string) error { return unix.Setxattr(path, "system.posix_acl_access", everybody(), 0) },
		"remoteuser":        func(path string) error { return unix.Setxattr(path, "system.posix_acl_access", everybody(), 0) },
		"remoteuser/" + name: func(path string) error { // with the mode as it should be
			return errors.Join(unix.Setxattr(path, "system.posix_acl_access", everybody(), 0), os.Chmod(path, 0o440))
		},
	} {
		if err := damage(filepath.Join(root, "current", path)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		found, err := d.Repair(t.Context())
		if err != nil || len(found) != 1 || found[0].Path != "current/"+path {
			t.Errorf("%s: Repair: %v, %v", path, found, err)
		}
		if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("%s: second Repair: %v, %v", path, found, err)
		}
	}
}

// What the folder of the certificates' directory would have its files inherit
// lets nobody in.
func TestDirInheritsNoACL(t *testing.T) {
	root := openRoot(t)
	if err := unix.Setxattr(filepath.Dir(root), "system.posix_acl_default", everybody(), 0); err != nil {
		t.Fatal(err)
	}
	d := openDir(t, options(root))
	a := storetest.PFX(t, "a")
	replace(t, d, a)
	file := filepath.Join(root, "current", "task", "sha1-"+a.Reference.Thumbprint.String()+".pfx")
	if mayRead(t, 54_499, 54_499, file) {
		t.Error("the user of an inherited ACL reads")
	}
	if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair: %v, %v", found, err)
	}
}

// A reader who is taken out of the ACL loses the older generations, too.
func TestDirACLChange(t *testing.T) {
	root := openRoot(t)
	opts := options(root)
	opts.Owners[batch.Task] = store.Owner{GID: 54_300, ACL: store.NewACL([]int{54_403, 54_404}, nil)}
	d := openDir(t, opts)
	a := storetest.PFX(t, "a")
	replace(t, d, a)
	opts.Owners[batch.Task] = store.Owner{GID: 54_300, ACL: store.NewACL([]int{54_404}, nil)}
	d.SetOwners(opts.Owners)
	replace(t, d, a)
	files, err := filepath.Glob(root + "/generations/*/task/*")
	if err != nil || len(files) != 3 {
		t.Errorf("files of task are %v, %v; want those of the current generation", files, err)
	}
}

// A file system without ACLs fails the visibility that wants one, and no other.
func TestDirWithoutACLs(t *testing.T) {
	mount := t.TempDir()
	if err := unix.Mount("ramfs", mount, "ramfs", 0, "mode=755"); err != nil {
		testtool.Missing(t, "the right to mount", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(mount, 0); err != nil {
			t.Error(err)
		}
	})
	opts := options(filepath.Join(mount, "certs"))
	opts.Owners[batch.Task] = store.Owner{ACL: store.NewACL([]int{54_403}, nil)}
	d := openDir(t, opts)
	a, b := storetest.PFX(t, "a", batch.Task), storetest.PFX(t, "b", batch.RemoteUser)
	failed, err := d.Replace(t.Context(), []store.Entry{a, b})
	if err != nil || len(failed) != 1 {
		t.Fatalf("failed %v, %v; want one", failed, err)
	}
	if err := failed[a.Reference.Thumbprint]; !errors.Is(err, store.ErrNoOwner) || !strings.Contains(err.Error(), "no access control lists") {
		t.Errorf("error %v", err)
	}
	if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair: %v, %v", found, err)
	}
}

func TestDirFormats(t *testing.T) {
	root := newRoot(t)
	opts := options(root)
	opts.Formats = map[batch.Visibility][]store.FileFormat{
		batch.Task: {store.FileKey, store.FilePEM}, batch.StartTask: {store.FilePFX}, batch.RemoteUser: store.FileFormats(),
	}
	d := openDir(t, opts)
	a, b := storetest.PFX(t, "a"), storetest.CER(t, "b")
	replace(t, d, a, b)
	base := func(e store.Entry) string { return "sha1-" + e.Reference.Thumbprint.String() }
	for v, want := range map[batch.Visibility]string{
		batch.Task:       base(a) + ".key " + base(a) + ".pem " + base(b) + ".pem",
		batch.StartTask:  base(a) + ".pfx " + base(a) + ".pfx.pw " + base(b) + ".cer",
		batch.RemoteUser: base(a) + ".cer " + base(a) + ".key " + base(a) + ".pem " + base(a) + ".pfx " + base(a) + ".pfx.pw " + base(b) + ".cer " + base(b) + ".pem",
	} {
		entries, err := os.ReadDir(filepath.Join(root, "current", string(v)))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, e := range entries {
			got[e.Name()] = true
		}
		for name := range strings.FieldsSeq(want) {
			if !got[name] {
				t.Errorf("%s: no %s", v, name)
			}
			delete(got, name)
		}
		if len(got) > 0 {
			t.Errorf("%s: also has %v", v, got)
		}
	}
	data, err := os.ReadFile(filepath.Join(root, "current", "task", base(a)+".key"))
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(data)
	if block == nil || len(rest) > 0 || block.Type != "PRIVATE KEY" {
		t.Fatalf("the key is %q", data)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil || !a.Bundle.Key.(interface{ Equal(crypto.PrivateKey) bool }).Equal(key) {
		t.Errorf("the key is another one (%v)", err)
	}
	if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair: %v, %v", found, err)
	}

	// Where keys are in no file any more, formats of keys are none.
	d.SetKeyless(batch.Visibilities())
	replace(t, d, a, b)
	files, err := filepath.Glob(root + "/generations/*/*/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if ext := filepath.Ext(name); err != nil || ext != ".cer" && ext != ".pem" || bytes.Contains(data, []byte("PRIVATE")) {
			t.Errorf("%s is left (%v)", name, err)
		}
	}
}
