package agent

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"poolcert/agent/agenttest"
	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/cmstest"
	"poolcert/decrypt/local"
	"poolcert/internal/nodeapi"
	"poolcert/internal/testcert"
	"poolcert/internal/testtool"
)

// Old secrets must open: an expired certificate is installed, and the status has
// the date.
func TestExpiredCertificateIsInstalled(t *testing.T) {
	s := agenttest.NewService(t)
	ended := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	pair := testcert.RSA(t, testcert.Name("expired"), testcert.Valid(ended.AddDate(-1, 0, 0), ended))
	s.Add(pair.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: pair.PFX(testPassword), Password: testPassword})
	s.SetReferences(refTo(pair.Thumbprint()))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", pair.Thumbprint()))
	a.wantInstalled(pair.Thumbprint())
	a.wantOpens(pair)
	if c := a.status().Certificates; len(c) != 1 || c[0].Expires == nil || !c[0].Expires.Equal(ended) {
		t.Errorf("status: %+v, want the end of validity", c)
	}
}

// A second agent ends with a clear error, and the first one does not notice.
func TestSecondAgentDoesNotHarmTheFirst(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.startProcess(nil)
	s.AwaitReport(t.Context(), reports("installed", one))

	second := a.startProcess(nil)
	second.Wait()
	log := second.log.String()
	if code := second.ProcessState.ExitCode(); code != 1 || !strings.Contains(log, "an agent is already running with this state directory") || !strings.Contains(log, "hint: stop the running agent first") {
		t.Errorf("the second agent: exit code %d, %s", code, log)
	}
	// Neither by another state directory: the certificates and the socket are the first one's.
	other := newTestAgent(t, s)
	other.config.CertificatesDir, other.config.Socket = a.config.CertificatesDir, a.config.Socket
	third := other.startProcess(nil)
	third.Wait()
	if code, log := third.ProcessState.ExitCode(), third.log.String(); code != 1 || !strings.Contains(log, "hint: is another agent running?") {
		t.Errorf("the third agent: exit code %d, %s", code, log)
	}
	a.wantInstalled(one)
	s.SetReferences(refTo(two))
	s.AwaitReport(t.Context(), reports("removed installed", one, two))
	a.wantInstalled(two)
}

// With a state directory that cannot be written, the certificates still come and
// go; the status tells, and it ends by itself.
func TestUnwritableStateDirectory(t *testing.T) {
	s := agenttest.NewService(t)
	one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	a.start()
	s.AwaitReport(t.Context(), reports("installed", one))

	const immutable = 0x10 // FS_IMMUTABLE_FL of linux/fs.h
	dir, err := os.Open(a.config.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	flags, err := unix.IoctlGetInt(int(dir.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(dir.Fd()), unix.FS_IOC_SETFLAGS, flags|immutable)
	}
	if err != nil {
		testtool.Missing(t, "root, and a file system with the immutable flag", err)
	}
	mend := func() { unix.IoctlSetPointerInt(int(dir.Fd()), unix.FS_IOC_SETFLAGS, flags) }
	defer mend()
	s.SetReferences(refTo(one), refTo(two))
	waitFor(t, func() bool { return strings.Contains(a.status().Problem, "operation not permitted") })
	a.wantInstalled(one, two)
	mend()
	waitFor(t, func() bool { return a.status().Problem == "" })
	a.wantInstalled(one, two)
}

// An agent is killed while local callers decrypt: they get an error or the
// plaintext, nothing else, and the next agent serves them.
func TestKilledWhileCallersDecrypt(t *testing.T) {
	s := agenttest.NewService(t)
	pair := testcert.RSA(t, testcert.Name("one"))
	s.Add(pair.Thumbprint(), &nodeapi.Certificate{Format: batch.FormatPFX, Data: pair.PFX(testPassword), Password: testPassword})
	s.SetReferences(refTo(pair.Thumbprint()))
	a := newTestAgent(t, s)
	a.config.Expose = ExposeDecryptOnly
	plain := bytes.Repeat([]byte("secret "), 1000)
	message := cmstest.Seal(t, plain, cms.Options{}, pair.Cert)

	for range 5 {
		p := a.startProcess(nil)
		// Not the report: the service has that of the process before.
		waitFor(t, func() bool {
			client := local.Dial(a.config.Socket)
			defer client.Close()
			_, err := client.Decrypt(t.Context(), bytes.NewReader(message))
			return err == nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		opened := make(chan struct{}, 1000)
		for range 8 {
			callers.Go(func() {
				client := local.Dial(a.config.Socket)
				defer client.Close()
				for ctx.Err() == nil {
					got, err := client.Decrypt(ctx, bytes.NewReader(message))
					switch {
					case err == nil && bytes.Equal(got, plain):
						select {
						case opened <- struct{}{}:
						default:
						}
					case err == nil:
						t.Errorf("%d bytes, which are not the plaintext", len(got))
						return
					case !errors.Is(err, local.ErrUnavailable) && ctx.Err() == nil:
						t.Errorf("error %v, want ErrUnavailable", err)
						return
					default:
						return
					}
				}
			})
		}
		for range 20 {
			select {
			case <-opened:
			case <-time.After(20 * time.Second):
				t.Fatal("nothing is opened")
			}
		}
		p.Process.Kill()
		p.Wait()
		time.AfterFunc(time.Second, cancel) // who waits for room in the socket need not go on
		callers.Wait()
		cancel()
	}
	if _, err := os.Lstat(filepath.Join(a.config.CertificatesDir, "current")); err != nil {
		t.Error(err)
	}
	a.start()
	a.awaitReady()
	a.wantOpens(pair)
}
