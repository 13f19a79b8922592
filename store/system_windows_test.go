package store_test

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/batch"
	"poolcert/internal/testtool"
	"poolcert/internal/wincrypt"
	"poolcert/store"
	"poolcert/store/storetest"
)

// windowsStores returns the stores of this Windows, and a name for those of one test,
// which no other program has. They are emptied at the end.
func windowsStores(t *testing.T) (wincrypt.Calls, string) {
	t.Helper()
	c, err := wincrypt.System()
	if err != nil {
		t.Fatal(err)
	}
	name := "poolcert-test-" + strings.ToLower(rand.Text())
	t.Cleanup(func() { removeStore(name) })
	t.Cleanup(func() {
		if failed, err := openSystem(t, c).Replace(context.Background(), nil); err != nil || len(failed) > 0 {
			t.Errorf("clean the stores: %v, %v", failed, err)
		}
	})
	return c, name
}

// TestSystemOfWindows runs the conformance suite on real stores.
func TestSystemOfWindows(t *testing.T) {
	for _, where := range []struct {
		name  string
		store string // "": one of the test
		at    batch.StoreLocation
	}{
		{"custom machine", "", batch.LocalMachine},
		{"My user", "My", batch.CurrentUser},
	} {
		t.Run(where.name, func(t *testing.T) {
			if where.store != "" && !testtool.UnderWine() {
				t.Skip("this store is that of a person")
			}
			storetest.Run(t, func(t *testing.T) store.Store {
				c, name := windowsStores(t)
				if where.store != "" {
					name = where.store
				}
				return elsewhere{openSystem(t, c), where.at, name}
			})
		})
	}
}

func init() {
	removeStore = func(name string) {
		wide, err := windows.UTF16PtrFromString(name)
		if err != nil {
			return
		}
		for _, at := range []uint32{windows.CERT_SYSTEM_STORE_LOCAL_MACHINE, windows.CERT_SYSTEM_STORE_CURRENT_USER} {
			_, _ = windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM, 0, 0, at|windows.CERT_STORE_DELETE_FLAG, uintptr(unsafe.Pointer(wide)))
		}
		runtime.KeepAlive(wide)
	}
}

// elsewhere puts all entries into one store.
type elsewhere struct {
	*store.System
	at   batch.StoreLocation
	name string
}

func (e elsewhere) Replace(ctx context.Context, entries []store.Entry) (map[batch.Thumbprint]error, error) {
	var moved []store.Entry
	for _, entry := range entries {
		entry.Reference.StoreLocation, entry.Reference.StoreName = e.at, e.name
		moved = append(moved, entry)
	}
	return e.System.Replace(ctx, moved)
}

// TestSystemOtherProcess has another process use what this one has installed.
func TestSystemOtherProcess(t *testing.T) {
	const variable = "POOLCERT_TEST_STORE"
	c, name := windowsStores(t)
	e := in(name, storetest.PFX(t, "processes"))
	if name := os.Getenv(variable); name != "" {
		e = in(name, e)
		s := openSystem(t, c)
		before, ok := find(t, c, name, e)
		mustReplace(t, s, e)
		after, _ := find(t, c, name, e)
		if err := opens(t, s, e); err != nil || !ok || after.Key != before.Key {
			t.Errorf("found %v, key %+v, then %+v: %v", ok, before.Key, after.Key, err)
		}
		return
	}
	mustReplace(t, openSystem(t, c), e)
	cmd := exec.Command(os.Args[0], "-test.run=^TestSystemOtherProcess$", "-test.v")
	cmd.Env = append(os.Environ(), variable+"="+name)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS: TestSystemOtherProcess") {
		t.Errorf("%v\n%s", err, out)
	}
	if _, ok := find(t, c, name, e); ok {
		t.Error("what the other process has removed is there") // by its clean-up
	}
}
