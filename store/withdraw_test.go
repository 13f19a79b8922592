package store_test

import (
	"errors"
	"testing"

	"poolcert/batch"
	"poolcert/store"
	"poolcert/store/storetest"
)

// Where nothing can be written, what is withdrawn goes all the same.
func TestDirWithdrawWhenReplaceFails(t *testing.T) {
	root := memoryRoot(t)
	full := false
	d, err := store.OpenDirStep(options(root), func(op, name string) error {
		if full && (op == "create" || op == "mkdir") {
			return errors.New("disk full")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b := storetest.PFX(t, "a"), storetest.PFX(t, "b")
	replace(t, d, a)
	replace(t, d, a, b)
	full = true
	if _, err := d.Replace(t.Context(), []store.Entry{b}); err == nil {
		t.Fatal("Replace: no error")
	}
	checkOneOf(t, root, treeOf(a, b))
	if err := d.Withdraw(t.Context(), []batch.CertificateReference{b.Reference}); err != nil {
		t.Fatal(err)
	}
	checkOneOf(t, root, treeOf(b))
	checkClean(t, root, 1, a)
	if found, err := d.Repair(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("Repair: %v, %v", found, err)
	}

	narrow := storetest.PFX(t, "b", batch.Task)
	if err := d.Withdraw(t.Context(), []batch.CertificateReference{narrow.Reference}); err != nil {
		t.Fatal(err)
	}
	checkOneOf(t, root, treeOf(narrow))
}

// Keys are out of use even if the files cannot be reached.
func TestDirWithdrawReportsFilesThatAreLeft(t *testing.T) {
	root := memoryRoot(t)
	stuck := false
	d, err := store.OpenDirStep(options(root), func(op, name string) error {
		if stuck && op == "remove" {
			return errors.New("stuck")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a := storetest.PFX(t, "a")
	replace(t, d, a)
	stuck = true
	if err := d.Withdraw(t.Context(), nil); err == nil {
		t.Error("no error")
	}
	if list, err := d.List(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("List = %v, %v; want none", list, err)
	}
	stuck = false
	if err := d.Withdraw(t.Context(), nil); err != nil {
		t.Error(err)
	}
	checkOneOf(t, root, treeOf())
}

// A process that could not install anything yet withdraws what the one before it
// left.
func TestDirWithdrawFromEarlierProcess(t *testing.T) {
	root := memoryRoot(t)
	a, b := storetest.PFX(t, "a"), storetest.PFX(t, "b")
	replace(t, openDir(t, options(root)), a, b)
	d := openDir(t, options(root))
	if err := d.Withdraw(t.Context(), []batch.CertificateReference{b.Reference}); err != nil {
		t.Fatal(err)
	}
	checkOneOf(t, root, treeOf(b))
}
