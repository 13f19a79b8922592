// Package pgtest runs real PostgreSQL servers for tests.
//
// Call [Database] for an empty database on a server that the tests of one binary
// share; its TestMain returns through [Main], which stops that server. A test that
// stops servers itself has its own from [New].
//
// Debian's package postgresql is needed, but no running server: each one is made
// in a temporary folder, listens on a socket there and on no port, and belongs to
// the user postgres or nobody when root runs the tests. Where the programs are
// missing, the test is skipped, or fails if POOLCERT_REQUIRE_TOOLS or CI is set.
package pgtest

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Server is a PostgreSQL server of one test or test binary.
type Server struct {
	bin, dir string // programs; data and socket

	process *exec.Cmd // nil: stopped
	exited  chan struct{}
}

const startTimeout = 30 * time.Second

// New makes and starts a server that is stopped at the end of the test.
func New(t testing.TB) *Server {
	t.Helper()
	bin := programs(t)
	s, err := create(bin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

var shared struct {
	sync.Mutex
	server *Server
}

// Database returns the URL of a new, empty database on the shared server.
func Database(t testing.TB) string {
	t.Helper()
	bin := programs(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		s, err := create(bin)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Start(); err != nil {
			s.remove()
			t.Fatal(err)
		}
		shared.server = s
	}
	return shared.server.Database(t)
}

// Query runs a statement on the shared server: see [Server.Query].
func Query(t testing.TB, database, statement string) string {
	t.Helper()
	shared.Lock()
	s := shared.server
	shared.Unlock()
	return s.Query(t, database, statement)
}

// Main runs a binary's tests, then stops the shared server:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		if err := shared.server.remove(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// programs returns the folder of the server's programs.
func programs(t testing.TB) string {
	t.Helper()
	versions, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's
	if len(versions) > 0 {
		return filepath.Dir(versions[len(versions)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	if os.Getenv("CI") != "" || os.Getenv("POOLCERT_REQUIRE_TOOLS") != "" {
		t.Fatal("PostgreSQL is missing: install Debian's package postgresql")
	}
	t.Skip("NOT TESTED: PostgreSQL is missing; install Debian's package postgresql")
	return ""
}

// create makes a server's data.
func create(bin string) (*Server, error) {
	dir, err := os.MkdirTemp("", "pgtest-") // short: it is in the path of a socket
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if err := giveAway(dir); err != nil {
		return nil, err
	}
	initdb := s.command("initdb", "--pgdata", s.data(), "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s, nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command is a program of the server's, as the server's user.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	asServer(cmd)
	return cmd
}

// Start starts a stopped server, and returns when it takes connections. The
// machine doesn't fail in a test, so nothing is forced to disk.
func (s *Server) Start() error {
	cmd := s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	ready, exited := make(chan bool, 1), make(chan struct{})
	var log strings.Builder
	go func() {
		defer close(exited)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if len(ready) == 0 {
				log.WriteString(lines.Text() + "\n")
			}
			if strings.Contains(lines.Text(), "database system is ready to accept connections") {
				select {
				case ready <- true:
				default:
				}
			}
		}
		cmd.Wait()
	}()
	s.process, s.exited = cmd, exited
	select {
	case <-ready:
		return nil
	case <-exited:
		s.process = nil
		return fmt.Errorf("postgres ended at its start: %s", &log)
	case <-time.After(startTimeout):
		return fmt.Errorf("postgres was not ready after %v", startTimeout)
	}
}

// Stop stops a running server: connections are cut and transactions lost.
func (s *Server) Stop() error { return s.stop(os.Interrupt) }

// Crash stops a running server as a crash would: it has no time to write what it
// has in memory.
func (s *Server) Crash() error { return s.stop(crashSignal) }

func (s *Server) stop(sig os.Signal) error {
	if s.process == nil {
		return nil
	}
	if err := s.process.Process.Signal(sig); err != nil {
		return fmt.Errorf("stop postgres: %w", err)
	}
	<-s.exited
	s.process = nil
	return nil
}

func (s *Server) remove() error {
	if err := s.stop(crashSignal); err != nil {
		return err
	}
	return os.RemoveAll(s.dir)
}

// URL returns the URL of a database on the server.
func (s *Server) URL(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {s.dir}, "user": {"postgres"}}.Encode()
}

var databases atomic.Int64

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", databases.Add(1))
	s.Query(t, "postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// DatabaseIn makes an empty database whose rows are in an existing, empty folder,
// which it gives to the server's user, and returns its URL. The folder must be on
// its way to others, too.
func (s *Server) DatabaseIn(t testing.TB, dir string) string {
	t.Helper()
	if err := giveAway(dir); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	s.Query(t, "postgres", "CREATE TABLESPACE "+name+" LOCATION '"+dir+"'")
	s.Query(t, "postgres", "CREATE DATABASE "+name+" TABLESPACE "+name)
	return s.URL(name)
}

// Query runs a statement with psql, as the superuser, and returns its rows.
func (s *Server) Query(t testing.TB, database, statement string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), startTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "psql"), "-X", "-q", "-A", "-t", "-h", s.dir, "-U", "postgres", "-d", database, "-c", statement)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
