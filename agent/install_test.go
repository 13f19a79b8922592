package agent

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/decrypt"
	"poolcert/decrypt/local"
	"poolcert/internal/testcert"
	"poolcert/internal/wincrypt"
	"poolcert/internal/wincrypt/wincrypttest"
	"poolcert/store"
	"poolcert/store/storetest"
)

// inStore returns the thumbprints in the store My of w's computer.
func inStore(t *testing.T, w *wincrypttest.Windows) []string {
	t.Helper()
	s, err := w.OpenStore(wincrypt.LocalMachine, "My", wincrypt.ToMake)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.Certificates()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range all {
		list = append(list, batch.Thumbprint(c.Thumbprint()).String())
	}
	return list
}

func onMachine(t batch.Thumbprint, visibility ...batch.Visibility) batch.CertificateReference {
	r := refTo(t, visibility...)
	r.StoreLocation = batch.LocalMachine
	return r
}

func TestAgentInstallsIntoStores(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(onMachine(one), onMachine(two, batch.Task))
	a := newTestAgent(t, s)
	a.windowsIs = wincrypttest.New()
	a.config.Install = []Install{InstallStores}
	running := a.start()
	s.AwaitReport(t.Context(), reports("installed installed", one, two))
	if got := inStore(t, a.windowsIs); len(got) != 2 || len(a.windowsIs.Keys()) != 2 {
		t.Errorf("in the store: %v, %d keys", got, len(a.windowsIs.Keys()))
	}
	if _, err := os.Stat(a.config.CertificatesDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the certificates directory: %v", err)
	}
	open := func() ([]byte, error) {
		client := local.Dial(a.config.Socket)
		defer client.Close()
		pair := testcert.RSA(t, testcert.Name("two"))
		sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, &pair.RSAKey().PublicKey, []byte("secret"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return client.OpenRSA(t.Context(), &decrypt.RSABlock{RSAOptions: decrypt.RSAOptions{Padding: decrypt.OAEP}, Ciphertext: sealed})
	}
	if got, err := open(); err != nil || string(got) != "secret" {
		t.Errorf("through the agent: %q, %v", got, err)
	}
	s.SetReferences(onMachine(one))
	s.AwaitReport(t.Context(), reports("installed removed", one, two))
	if got := inStore(t, a.windowsIs); !slices.Equal(got, []string{one.String()}) || len(a.windowsIs.Keys()) != 1 {
		t.Errorf("in the store: %v, %d keys", got, len(a.windowsIs.Keys()))
	}

	// Another configuration leaves nothing behind.
	config := *a.config
	config.Install = []Install{InstallDirectory}
	if err := running.Reload(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(a.installedOrNone(batch.Task)) == 2 })
	if got := inStore(t, a.windowsIs); len(got) != 0 || len(a.windowsIs.Keys()) != 0 {
		t.Errorf("left in the store: %v", got)
	}
	both := config
	both.Install = []Install{InstallStores, InstallDirectory}
	if err := running.Reload(t.Context(), &both); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(inStore(t, a.windowsIs)) == 1 })
	a.wantInstalled(one)
	if err := running.Reload(t.Context(), a.config); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return len(a.installedOrNone(batch.Task)) == 0 })
	a.stop()
	if got := inStore(t, a.windowsIs); len(got) != 1 || a.windowsIs.OpenHandles() != 0 {
		t.Errorf("after the end: %v, %d handles", got, a.windowsIs.OpenHandles())
	}
}

// What somebody takes out of a store is there again at once, not at the next regular check.
func TestStoresAreMendedAtOnce(t *testing.T) {
	for name, install := range map[string][]Install{"stores": {InstallStores}, "both": {InstallStores, InstallDirectory}} {
		t.Run(name, func(t *testing.T) {
			s := agenttest.NewService(t)
			one := testPFX(t, s, "one")
			s.SetReferences(onMachine(one))
			a := newTestAgent(t, s)
			a.windowsIs = wincrypttest.New()
			a.config.Install = install
			a.config.CheckInterval = 24 * time.Hour
			a.start()
			s.AwaitReport(t.Context(), reports("installed", one))
			for range 3 {
				store, err := a.windowsIs.OpenStore(wincrypt.LocalMachine, "My", wincrypt.ToChange)
				if err != nil {
					t.Fatal(err)
				}
				if err := store.Delete(one); err != nil {
					t.Error(err)
				}
				store.Close()
				waitFor(t, func() bool { return len(inStore(t, a.windowsIs)) == 1 })
			}
			a.stop()
			if n := a.windowsIs.OpenHandles(); n != 0 {
				t.Errorf("%d handles are open in the end", n)
			}
		})
	}
}

// installedOrNone is installed, where there may be no directory.
func (a *testAgent) installedOrNone(v batch.Visibility) []string {
	if _, err := os.Stat(filepath.Join(a.config.CertificatesDir, "current", string(v))); err != nil {
		return nil
	}
	return a.installed(v)
}

func TestTwoStores(t *testing.T) {
	open := func(t *testing.T, w *wincrypttest.Windows) *twoStores {
		owners := make(map[batch.Visibility]store.Owner)
		for _, v := range batch.Visibilities() {
			owner := testOwner()
			owner.SIDs = store.NewSIDs(wincrypttest.Account)
			owners[v] = owner
		}
		stores, err := store.OpenSystem(store.SystemOptions{Calls: w, Tag: "test", Owners: owners})
		if err != nil {
			t.Fatal(err)
		}
		dir, err := store.OpenDir(store.DirOptions{Root: filepath.Join(t.TempDir(), "certs"), Owners: owners})
		if err != nil {
			t.Fatal(err)
		}
		return &twoStores{stores: stores, dir: dir}
	}
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, wincrypttest.New()) })

	// What fails in one is in none.
	w := wincrypttest.New()
	s := open(t, w)
	good, bad := storetest.PFX(t, "good"), storetest.PFX(t, "bad")
	bad.Reference.StoreName = "no/name"
	failed, err := s.Replace(t.Context(), []store.Entry{good, bad})
	if err != nil || len(failed) != 1 || failed[bad.Reference.Thumbprint] == nil {
		t.Errorf("%v, %v", failed, err)
	}
	holds := func(when string, s store.Store, want int) {
		t.Helper()
		if list, err := s.List(t.Context()); err != nil || len(list) != want {
			t.Errorf("%s: %T has %d, %v", when, s, len(list), err)
		}
	}
	holds("one failed", s.dir, 1)
	holds("one failed", s.stores, 1)

	// When the stores fail as a whole, so does the directory.
	ctx, cancel := context.WithCancel(t.Context())
	w.Fail = func(call string) error {
		if call == "ImportPFX" {
			cancel()
		}
		return nil
	}
	other := storetest.PFX(t, "other")
	if failed, err := s.Replace(ctx, []store.Entry{good, other}); !errors.Is(err, context.Canceled) {
		t.Errorf("when it is over: %v, %v", failed, err)
	}
	w.Fail = nil
	holds("when it was over", s.dir, 1)
	holds("when it was over", s.stores, 1)
	if failed, err := s.Replace(t.Context(), []store.Entry{good, other}); err != nil || len(failed) > 0 {
		t.Errorf("%v, %v", failed, err)
	}
	holds("in the end", s.dir, 2)
	holds("in the end", s.stores, 2)
}

func TestInstallConfig(t *testing.T) {
	for text, want := range map[string]string{
		``:                        "",
		`install = ["directory"]`: "",
		`install = []`:            "install: an empty list",
		`install = ["cloud"]`:     `install: "cloud" is neither directory nor stores`,
		`install = "stores"`:      "install",
		`[stores]` + "\n" + `exportable = ["` + strings.Repeat("ab", 20) + `", "web"]`: "",
		`[stores]` + "\n" + `exportable = ["a b/c"]`:                                   "stores.exportable",
		`[stores]` + "\n" + `currentuser = "localmachine"`:                             "",
		`[stores]` + "\n" + `currentuser = "me"`:                                       `stores.currentuser: "me" is neither agent nor localmachine`,
		`install = ["directory", "directory"]`:                                         "install: directory is there twice",
	} {
		_, err := ParseConfig(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	_, err := ParseConfig(`install = ["stores", "directory"]`)
	if isWindows := runtime.GOOS == "windows"; isWindows != (err == nil) {
		t.Errorf("stores on %s: %v", runtime.GOOS, err)
	}
	c := &StoresConfig{Exportable: []string{strings.Repeat("AB", 20), "Web"}}
	named := batch.CertificateReference{Name: "web"}
	listed := batch.CertificateReference{}
	listed.Thumbprint.UnmarshalText([]byte(strings.Repeat("ab", 20)))
	if !c.isExportable(named) || !c.isExportable(listed) || c.isExportable(batch.CertificateReference{}) {
		t.Error("exportable: thumbprints and names, in any case, and no others")
	}
}
