package localsock_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"poolcert/internal/localsock"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

// In a container that has a user namespace of its own, the root of the node is
// nobody.
func TestHiddenRoot(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	// Not in /tmp, where others may write.
	safe := testfolder.New(t, "/run")
	for _, test := range []struct {
		folder string
		mode   os.FileMode
		refuse string
	}{
		{safe, 0o755, ""},
		{safe, 0o777, "others may write"},
		{safe, 0o777 | os.ModeSticky, "others may write"},
		{testfolder.New(t, ""), 0o755, "others may write /tmp"},
	} {
		path := filepath.Join(test.folder, "s")
		l, err := localsock.Listen(path, localsock.Options{Mode: 0o666})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(test.folder, test.mode); err != nil {
			t.Fatal(err)
		}
		cmd := dialAs(t, path, &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true})
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 54_321, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 54_321, Size: 1}}
		var out strings.Builder
		cmd.Stdout = &out
		conn := callOf(t, l, cmd)
		// The agent sees who it is outside.
		if c := callerOf(t, conn); c.UID != 54_321 || c.GID != 54_321 {
			t.Errorf("the caller is %+v, want uid and gid 54321", c)
		}
		wait(t, conn, test.refuse != "")
		err = cmd.Wait()
		if (err != nil) != (test.refuse != "") || !strings.Contains(out.String(), test.refuse) {
			t.Errorf("%s, mode %v: got %v, %q, want %q", test.folder, test.mode, err, out.String(), test.refuse)
		}
		if err := os.Chmod(test.folder, 0o755); err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

// wait waits for the caller to hang up, or hangs up.
func wait(t *testing.T, conn net.Conn, refused bool) {
	t.Helper()
	if refused {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("a caller who does not trust us sent %d bytes, error %v", n, err)
		}
	}
	conn.Close()
}

// A service that runs in a user namespace knows nobody from outside of it, be it
// the real nobody or not.
func TestHiddenCaller(t *testing.T) {
	path := os.Getenv("POOLCERT_TEST_LISTEN")
	if path != "" {
		l, err := localsock.Listen(path, localsock.Options{Mode: 0o666})
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("listening\n")
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c, err := localsock.CallerOf(conn)
		if err == nil || !strings.Contains(err.Error(), "does not show") || c.UID != 0 {
			t.Fatalf("got %+v, error %v", c, err)
		}
		return
	}
	testtool.NeedRoot(t, "to become others")
	dir := testfolder.New(t, "")
	if err := os.Chown(dir, 54_321, 54_321); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "s")
	cmd := dialAs(t, path, &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: true})
	cmd.Args[1] = "-test.run=^TestHiddenCaller$"
	cmd.Env = []string{"POOLCERT_TEST_LISTEN=" + path}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 54_321, Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 54_321, Size: 1}}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1000)
	n, err := stdout.Read(buf)
	if string(buf[:n]) != "listening\n" || err != nil {
		t.Errorf("got %q, %v", buf[:n], err)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n, _ = stdout.Read(buf)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, buf[:n])
	}
}
