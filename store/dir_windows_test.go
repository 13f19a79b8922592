package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"poolcert/batch"
	"poolcert/internal/testtool"
	"poolcert/internal/winfile"
	"poolcert/store"
	"poolcert/store/storetest"
)

// letEverybodyWrite does what an administrator's hasty command does.
func letEverybodyWrite(t *testing.T, path string) {
	t.Helper()
	sd, err := windows.SecurityDescriptorFromString("D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;WD)")
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := sd.DACL()
	if err == nil {
		err = windows.SetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What everybody may write is found and mended. Under Wine, this shows that we look at the
// list, and set another one: what it keeps of a list are modes of Unix.
func TestDirRepairsAccessLists(t *testing.T) {
	a := storetest.PFX(t, "a")
	file := "task/sha1-" + a.Reference.Thumbprint.String() + ".pfx"
	for path, want := range map[string]string{
		"generations/000001/" + file: "current/" + file + ": access control list changed",
		"generations/000001/task":    "current/task: access control list changed",
		"generations/000001":         "generations/000001: others may write it",
		"generations":                "generations: others may write it",
		".":                          ".: others may write it",
	} {
		t.Run(strings.ReplaceAll(path, "/", " "), func(t *testing.T) {
			root := newRoot(t)
			d := openDir(t, options(root))
			replace(t, d, a)
			letEverybodyWrite(t, filepath.Join(root, filepath.FromSlash(path)))
			found, err := d.Repair(t.Context())
			if err != nil || len(found) == 0 || !strings.HasPrefix(found[0].String(), want) {
				t.Errorf("Repair: %v, error %v, want %s", found, err, want)
			}
			checkOneOf(t, root, treeOf(a))
		})
	}
}

func TestOpenDirRefuses(t *testing.T) {
	root := newRoot(t)
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	letEverybodyWrite(t, root)
	if _, err := store.OpenDir(options(root)); err == nil || !strings.Contains(err.Error(), "others may write it") {
		t.Errorf("a folder that everybody may write: %v", err)
	}
	if err := os.WriteFile(root+"2", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenDir(options(root + "2")); err == nil {
		t.Error("a file: no error")
	}
}

// A program that holds a file of the old set open, and lets nobody remove it, keeps the
// new set from nobody. What it held goes when it has ended.
func TestDirInstallsWhileFilesAreHeld(t *testing.T) {
	root := newRoot(t)
	d := openDir(t, options(root))
	goes, stays := storetest.PFX(t, "goes"), storetest.PFX(t, "stays")
	replace(t, d, goes, stays)
	name, err := windows.UTF16PtrFromString(filepath.Join(currentDir(t, root), "task", "sha1-"+goes.Reference.Thumbprint.String()+".pfx"))
	if err != nil {
		t.Fatal(err)
	}
	held, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Replace(t.Context(), []store.Entry{stays}); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("Replace: error %v, want ErrUnfinished", err)
	}
	checkOneOf(t, root, treeOf(stays))
	found, err := filepath.Glob(filepath.Join(root, "generations", "*", "*", "*"+goes.Reference.Thumbprint.String()+"*"))
	if err != nil || len(found) != 1 {
		t.Errorf("left are %v, want the file that is held", found)
	}
	if _, err := d.Repair(t.Context()); err == nil {
		t.Error("Repair: no error while the file is held")
	}
	windows.CloseHandle(held)
	if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair: %v, error %v", found, err)
	}
	checkClean(t, root, 1, goes)
}

func TestCurrentIsAJunction(t *testing.T) {
	testtool.SkipUnderWine(t, "has no reparse points, and so no junctions")
	root := newRoot(t)
	d := openDir(t, options(root))
	a, b := storetest.PFX(t, "a", batch.Task), storetest.PFX(t, "b", batch.Task)
	for _, e := range []store.Entry{a, b, a} {
		replace(t, d, e)
		if target, err := winfile.Junction(filepath.Join(root, "current")); err != nil || target != currentDir(t, root) {
			t.Errorf("current leads to %q, error %v", target, err)
		}
		wantContent(t, filepath.Join(root, "current", "task", "sha1-"+e.Reference.Thumbprint.String()+".pfx"), string(e.Data))
	}
}

// Nobody but the readers, the system and ourselves has rights to what is installed, by the
// lists as they are read back. Wine makes these of modes of Unix, and has one account: there,
// this shows that lists are set on all that is installed, and not that others are refused.
func TestDirLetsNobodyElseIn(t *testing.T) {
	root := newRoot(t)
	replace(t, openDir(t, options(root)), storetest.PFX(t, "a"))
	own, err := winfile.Own()
	if err != nil {
		t.Fatal(err)
	}
	for v, owner := range owners() {
		readers, _ := owner.SIDs.List()
		files, err := filepath.Glob(filepath.Join(currentDir(t, root), string(v), "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("files %v, error %v", files, err)
		}
		for _, path := range files {
			d, err := winfile.OfPath(path)
			if err != nil {
				t.Fatal(err)
			}
			if others := d.Exceeds(own, readers); len(others) > 0 {
				t.Errorf("%s: %v have rights", path, others)
			}
		}
	}
}
