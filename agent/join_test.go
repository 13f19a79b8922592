package agent

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/agent/member"
	"poolcert/agent/statedir"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testtool"
)

func joinOptions(t *testing.T) JoinOptions {
	return JoinOptions{StateDir: filepath.Join(t.TempDir(), "state"), NodeName: "n"}
}

func TestJoin(t *testing.T) {
	s := agenttest.NewService(t)
	opts := joinOptions(t)
	id, err := Join(t.Context(), s.Token(1), opts)
	if err != nil {
		t.Fatal(err)
	}
	if id.Pool != agenttest.Pool || id.Account != agenttest.Account || id.Node != "n-1" || id.Server != s.URL() {
		t.Errorf("identity %+v", id)
	}
	stored, err := member.Load(opts.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Node != id.Node || !stored.Keys().Equal(id.Keys()) || !stored.Certificate.Equal(id.Certificate) {
		t.Errorf("stored identity %+v, want %+v", stored, id)
	}
	checkStateFiles(t, opts.StateDir, statedir.IdentityFile, statedir.LockFile)

	_, err = Join(t.Context(), s.Token(1), opts)
	if !errors.Is(err, ErrJoined) || !strings.Contains(err.Error(), "node n-1 of pool "+agenttest.Pool) {
		t.Errorf("a second join: %v, want ErrJoined", err)
	}
	opts.Force = true
	again, err := Join(t.Context(), s.Token(1), opts)
	if err != nil || again.Node != "n-2" {
		t.Errorf("a forced join = %v, %v; want another node", again, err)
	}
}

// checkStateFiles fails unless dir holds exactly these, and is private as they are.
func checkStateFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	agenttest.WantPrivate(t, dir, 0o700)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range entries {
		have = append(have, e.Name())
		agenttest.WantPrivate(t, filepath.Join(dir, e.Name()), 0o600)
	}
	if got, want := strings.Join(have, " "), strings.Join(names, " "); got != want {
		t.Errorf("state directory holds %s, want %s", got, want)
	}
}

// The service has enrolled the node, and the agent is gone before it knows.
func TestJoinAgainAfterCrashIsTheSameNode(t *testing.T) {
	s := agenttest.NewService(t)
	opts := joinOptions(t)
	token := s.Token(1)
	state, err := statedir.Open(opts.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := member.JoiningKeys(state, token)
	if err != nil {
		t.Fatal(err)
	}
	lost, err := member.Enroll(t.Context(), token, keys, "n")
	if err != nil {
		t.Fatal(err)
	}
	state.Close()

	id, err := Join(t.Context(), token, opts)
	if err != nil {
		t.Fatalf("the token was used up by the lost answer: %v", err)
	}
	if id.Node != lost.Node || s.Nodes() != 1 {
		t.Errorf("joined as %s beside %s, %d nodes; want one", id.Node, lost.Node, s.Nodes())
	}
}

func TestJoinRefused(t *testing.T) {
	s := agenttest.NewService(t)
	other := agenttest.NewService(t)
	expired := s.Token(1)
	s.ExpireTokens()
	foreign := other.Token(1)
	foreign.URL = s.URL() // as after a new "init" at the same address
	wrongHost := s.Token(1)
	u, err := url.Parse(wrongHost.URL)
	if err != nil {
		t.Fatal(err)
	}
	wrongHost.URL = "https://localhost:" + u.Port() // the server's certificate is for 127.0.0.1
	unknown := nodeapi.NewToken(s.URL(), s.CA)

	for name, test := range map[string]struct {
		token *nodeapi.Token
		check func(error) bool
	}{
		"expired":      {expired, isTokenRefused},
		"used up":      {s.Token(0), isTokenRefused},
		"unknown":      {unknown, isTokenRefused},
		"another CA":   {foreign, func(err error) bool { return errors.Is(err, member.ErrCA) }},
		"another host": {wrongHost, func(err error) bool { return strings.Contains(err.Error(), "localhost") }},
		"no one there": {nodeapi.NewToken("https://127.0.0.1:1", s.CA), func(err error) bool { var op *net.OpError; return errors.As(err, &op) }},
	} {
		opts := joinOptions(t)
		_, err := Join(t.Context(), test.token, opts)
		if err == nil || !test.check(err) {
			t.Errorf("%s: got error %v", name, err)
			continue
		}
		if strings.Contains(err.Error(), test.token.Encode()) {
			t.Errorf("%s: the error tells the token", name)
		}
		if _, err := member.Load(opts.StateDir); !errors.Is(err, member.ErrNotJoined) {
			t.Errorf("%s: Load = %v, want ErrNotJoined", name, err)
		}
	}
	if s.Nodes() != 0 {
		t.Errorf("%d nodes joined", s.Nodes())
	}
}

func isTokenRefused(err error) bool {
	var refused *nodeapi.Error
	return errors.As(err, &refused) && refused.Code == nodeapi.CodeTokenRefused
}

func TestFailedForcedJoinKeepsTheIdentity(t *testing.T) {
	s := agenttest.NewService(t)
	opts := joinOptions(t)
	if _, err := Join(t.Context(), s.Token(1), opts); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(opts.StateDir, statedir.IdentityFile))
	if err != nil {
		t.Fatal(err)
	}
	opts.Force = true
	if _, err := Join(t.Context(), s.Token(0), opts); !isTokenRefused(err) {
		t.Fatalf("got error %v, want a refused token", err)
	}
	after, err := os.ReadFile(filepath.Join(opts.StateDir, statedir.IdentityFile))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a failed join changed the identity (%v)", err)
	}
}

func TestStateDirIsOnesOwn(t *testing.T) {
	dir := t.TempDir()
	state, err := statedir.Open(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := statedir.Open(filepath.Join(dir, "a")); !errors.Is(err, statedir.ErrRunning) {
		t.Errorf("locked twice: %v", err)
	}
	state.Close()
	if state, err = statedir.Open(filepath.Join(dir, "a")); err != nil {
		t.Errorf("not free after Close: %v", err)
	} else {
		state.Close()
	}

	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := statedir.Open(open); err == nil || !strings.Contains(err.Error(), othersMayEnter) {
		t.Errorf("others may enter: %v", err)
	}
}

func TestStateDirIsNoLink(t *testing.T) {
	testtool.SkipUnderWine(t, "makes no symbolic links")
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := errors.Join(os.Chmod(dir, 0o700), os.Symlink(dir, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, link + "/"} {
		if _, err := statedir.Open(path); err == nil {
			t.Errorf("a symbolic link was followed: %s", path)
		}
	}
}

func TestDamagedIdentity(t *testing.T) {
	s := agenttest.NewService(t)
	opts := joinOptions(t)
	if _, err := Join(t.Context(), s.Token(1), opts); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(opts.StateDir, statedir.IdentityFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty":       {},
		"cut":         good[:len(good)/2],
		"no keys":     []byte(`{"version":1}`),
		"new version": bytes.Replace(good, []byte(`"version":1`), []byte(`"version":2`), 1),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := member.Load(opts.StateDir)
		if err == nil || !errors.Is(err, member.ErrIdentity) || errors.Is(err, member.ErrNotJoined) || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want one about %s", name, err, path)
		}
	}
}
