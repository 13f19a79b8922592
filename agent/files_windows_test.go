package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"poolcert/agent/agenttest"
	"poolcert/agent/statedir"
	"poolcert/internal/securefile"
	"poolcert/internal/winfile"
)

func TestDriftIsMendedAtOnce(t *testing.T) {
	for name, damage := range map[string]func(w *watched) error{
		"content": func(w *watched) error {
			return errors.Join(os.WriteFile(w.file, []byte("x"), 0))
		},
		"missing file":   func(w *watched) error { return os.Remove(w.file) },
		"missing folder": func(w *watched) error { return os.RemoveAll(filepath.Dir(w.file)) },
		"current":        func(w *watched) error { return os.RemoveAll(filepath.Join(w.root, "current")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t, filepath.Join(t.TempDir(), "certs"))
			w.start()
			for range 2 {
				start := time.Now()
				if err := damage(w); err != nil {
					t.Fatal(err)
				}
				w.mended(name, start)
			}
		})
	}
}

// Who can change the configuration decides who may use keys.
func TestConfigurationThatOthersCanChangeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.toml")
	if err := securefile.WriteFile(path, []byte("keep_generations = 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := LoadConfig(path); err != nil || c.KeepGenerations != 2 {
		t.Fatalf("a private file: %v", err)
	}
	agenttest.LetOthersWrite(t, path)
	if _, err := LoadConfig(path); !errors.Is(err, ErrConfigOpen) || !strings.Contains(err.Error(), "Everyone can change it") {
		t.Errorf("got %v, want ErrConfigOpen", err)
	}
	// So does who can exchange a folder above it, and with it the file.
	own, err := winfile.Own()
	if err != nil {
		t.Fatal(err)
	}
	above := filepath.Join(t.TempDir(), "above")
	if err := errors.Join(winfile.Mkdir(above, winfile.Private(own)), securefile.WriteFile(filepath.Join(above, "agent.toml"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(above, "agent.toml")
	if _, err := LoadConfig(path); err != nil {
		t.Fatal(err)
	}
	agenttest.LetOthersWrite(t, above)
	if _, err := LoadConfig(path); !errors.Is(err, ErrConfigOpen) || !strings.Contains(err.Error(), "the folder "+above+" is not safe") {
		t.Errorf("got %v, want ErrConfigOpen", err)
	}
}

// The installer makes the service's folders, once; and whoever is first, the agent or its
// log, all users may pass through the one of both.
func TestMakePlaces(t *testing.T) {
	above := filepath.Join(t.TempDir(), "poolcert")
	for range 2 {
		if err := makePlaces(above, filepath.Join(above, "log")); err != nil {
			t.Fatal(err)
		}
	}
	agenttest.WantPrivate(t, filepath.Join(above, "log"), 0)
	if err := winfile.CheckFolders(filepath.Join(above, "log")); err != nil {
		t.Error(err)
	}
	state, err := statedir.Open(filepath.Join(above, "state"))
	if err != nil {
		t.Fatal(err)
	}
	state.Close()
}

func TestLinksOfRemoteUsersAreRefused(t *testing.T) {
	if _, err := ParseConfig("[remoteuser]\nusers = [\"alice\"]\n"); err == nil || !strings.Contains(err.Error(), "on Linux only") {
		t.Errorf("got %v", err)
	}
}

// A program that holds a file of the old set keeps neither the node from its new set,
// nor the service from the truth: the certificate counts as held until the file is gone.
func TestHeldFileIsWithdrawnLater(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one), refTo(two))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed installed", one, two))
	dir, err := generationOf(a.config.CertificatesDir)
	if err != nil {
		t.Fatal(err)
	}
	held, err := os.Open(filepath.Join(dir, "task", "sha1-"+one.String()+".pfx")) // lets nobody remove it
	if err != nil {
		t.Fatal(err)
	}
	s.SetReferences(refTo(two))
	awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.Problem, "not all of the old one is gone") })
	a.wantInstalled(two)
	held.Close()
	s.AwaitReport(t.Context(), reports("removed installed", one, two))
	if left, err := filepath.Glob(filepath.Join(a.config.CertificatesDir, "generations", "*", "*", "*"+one.String()+"*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, error %v", left, err)
	}
}
