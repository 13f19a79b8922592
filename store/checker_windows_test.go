package store_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"poolcert/batch"
	"poolcert/internal/sddl"
	"poolcert/store"
)

// crashStride: of the points at which a crash is tried, some, since Wine is slow.
const crashStride = 31

// faults are what a change may fail with.
var faults = []error{syscall.ENOSPC}

// memoryDir is in memory, under Wine as scripts/wine/exec has it.
const memoryDir = `Z:\dev\shm`

// newRoot is where a sync costs nothing, too: Wine is slow enough.
func newRoot(t *testing.T) string { return memoryRoot(t) }

// owners lets different accounts read.
func owners() map[batch.Visibility]store.Owner {
	return map[batch.Visibility]store.Owner{
		batch.Task:       {SIDs: store.NewSIDs(sddl.Users)},
		batch.StartTask:  {},
		batch.RemoteUser: {SIDs: store.NewSIDs("S-1-5-21-1-2-3-1001", sddl.LocalService)},
	}
}

// linkText is what a tree has for a link: here, it is a second name.
func linkText(_, content string) string { return content }

// currentDir returns the folder of the current generation.
func currentDir(t *testing.T, root string) string {
	t.Helper()
	current := filepath.Join(root, "current")
	if name, err := os.ReadFile(filepath.Join(current, ".generation")); err == nil { // a mirror
		return filepath.Join(root, "generations", string(name))
	}
	target, err := os.Readlink(current)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// checkRights has nothing to check: the store itself reads back what Windows made of
// the rights, and Wine makes something else of them.
func checkRights(*testing.T, string, fs.FileInfo, batch.Visibility) {}

func checkPrivate(*testing.T, string) {}

func checkPassable(*testing.T, ...string) {}

func setUmask(*testing.T) {}

// impossibleOwner is one that is no account.
func impossibleOwner() store.Owner { return store.Owner{SIDs: "Users"} }

// swapsInOneStep: the others need to be opened after a crash.
func swapsInOneStep(root string) bool {
	_, err := os.Readlink(filepath.Join(root, "current"))
	return err == nil
}
