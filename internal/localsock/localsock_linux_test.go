package localsock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
	"poolcert/internal/testfolder"
	"poolcert/internal/testtool"
)

func listen(t *testing.T, path string, opts localsock.Options) net.Listener {
	t.Helper()
	l, err := localsock.Listen(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// accept returns both ends of a new connection.
func accept(t *testing.T, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client, err := localsock.Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// callOf starts a program and returns its connection.
func callOf(t *testing.T, l net.Listener, cmd *exec.Cmd) net.Conn {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestCallerOf(t *testing.T) {
	l := listen(t, filepath.Join(testfolder.New(t, ""), "s"), localsock.Options{})
	_, server := accept(t, l)
	c, err := localsock.CallerOf(server)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	var want []uint32
	for _, g := range groups {
		want = append(want, uint32(g))
	}
	if c.UID != uint32(os.Getuid()) || c.GID != uint32(os.Getgid()) || c.PID != int32(os.Getpid()) || !slices.Equal(c.Groups, want) {
		t.Errorf("got %+v, want uid %d, gid %d, pid %d, groups %v", c, os.Getuid(), os.Getgid(), os.Getpid(), want)
	}
	if !c.InGroup(osuser.ID{Number: c.GID}) || c.InGroup(osuser.ID{Number: 54_321}) {
		t.Errorf("InGroup is wrong for %+v", c)
	}
}

const dialPath = "POOLCERT_TEST_DIAL"

// TestDialOnly is not a test of its own: other users run it to make a connection.
func TestDialOnly(t *testing.T) {
	path := os.Getenv(dialPath)
	if path == "" {
		return
	}
	conn, err := localsock.Dial(context.Background(), path)
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	io.Copy(io.Discard, conn) // until the server has seen enough
	os.Exit(0)
}

func dialAs(t *testing.T, path string, cred *syscall.Credential) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestDialOnly$")
	cmd.Env = []string{dialPath + "=" + path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	cmd.Stderr = os.Stderr
	return cmd
}

func TestCallersOfOtherUsers(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	path := filepath.Join(testfolder.New(t, ""), "s")
	l := listen(t, path, localsock.Options{Mode: 0o666})
	many := make([]uint32, 1000)
	for i := range many {
		many[i] = uint32(60_000 + i)
	}
	for _, cred := range []*syscall.Credential{
		{Uid: 54_321, Gid: 54_322, NoSetGroups: false},
		{Uid: 54_323, Gid: 54_324, Groups: []uint32{54_325, 54_326}},
		{Uid: 54_323, Gid: 54_324, Groups: many},
	} {
		cmd := dialAs(t, path, cred)
		conn := callOf(t, l, cmd)
		c, err := localsock.CallerOf(conn)
		conn.Close()
		if err != nil || c.UID != cred.Uid || c.GID != cred.Gid || c.PID != int32(cmd.Process.Pid) || !slices.Equal(c.Groups, cred.Groups) {
			t.Errorf("got %+v, error %v, want %+v", c, err, cred)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// What the kernel recorded stays true when the process has ended.
func TestCallerHasEnded(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	path := filepath.Join(testfolder.New(t, ""), "s")
	l := listen(t, path, localsock.Options{Mode: 0o666})
	cmd := dialAs(t, path, &syscall.Credential{Uid: 54_321, Gid: 54_322, Groups: []uint32{54_323}})
	conn := callOf(t, l, cmd)
	defer conn.Close()
	cmd.Process.Kill()
	cmd.Wait()
	c, err := localsock.CallerOf(conn)
	if err != nil || c.UID != 54_321 || !slices.Equal(c.Groups, []uint32{54_323}) {
		t.Errorf("got %+v, error %v", c, err)
	}
}

func TestModeKeepsOthersOut(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	old := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(old) })
	path := filepath.Join(testfolder.New(t, ""), "s")
	l := listen(t, path, localsock.Options{Mode: 0o660})
	defer l.Close()
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fsSocket|0o660 {
		t.Errorf("mode %v, error %v", info.Mode(), err)
	}
	out, err := dialAs(t, path, &syscall.Credential{Uid: 54_321, Gid: 54_322}).Output()
	if err == nil || !strings.Contains(string(out), "permission denied") {
		t.Errorf("a stranger: %s, %v, want permission denied", out, err)
	}
	cmd := dialAs(t, path, &syscall.Credential{Uid: 54_321, Gid: 54_322, Groups: []uint32{0}})
	conn := callOf(t, l, cmd)
	conn.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

const fsSocket = os.ModeSocket

func TestListenReplacesStaleSocket(t *testing.T) {
	path := filepath.Join(testfolder.New(t, ""), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l := listen(t, path, localsock.Options{})
	accept(t, l)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) > 0 {
		t.Errorf("after Close the folder has %v, error %v", entries, err)
	}
}

func TestListenRefuses(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(path string) error
		want string
	}{
		{"file", func(path string) error { return os.WriteFile(path, nil, 0o600) }, "something else"},
		{"link", func(path string) error { return os.Symlink("elsewhere", path) }, "something else"},
		{"open folder", func(path string) error { return os.Chmod(filepath.Dir(path), 0o777) }, "others may write"},
		{"no folder", func(path string) error { return os.Remove(filepath.Dir(path)) }, "no such file"},
		{"linked folder", func(path string) error {
			dir := filepath.Dir(path)
			return errors.Join(os.Rename(dir, dir+"-real"), os.Symlink(dir+"-real", dir))
		}, "not a real folder"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(testfolder.New(t, ""), "run")
			path := filepath.Join(dir, "s")
			if err := errors.Join(os.Mkdir(dir, 0o755), test.make(path)); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			_, err := localsock.Listen(path, localsock.Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if after, _ := os.Lstat(path); before != nil && (after == nil || !os.SameFile(before, after)) {
				t.Error("what was there is gone")
			}
		})
	}
	long := filepath.Join(testfolder.New(t, ""), strings.Repeat("x", 100))
	if err := localsock.CheckPath(long); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("CheckPath of a long path: %v", err)
	}
	if _, err := localsock.Listen(long, localsock.Options{}); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("long path: error %v", err)
	}
}

func TestListenInUse(t *testing.T) {
	path := filepath.Join(testfolder.New(t, ""), "s")
	l := listen(t, path, localsock.Options{})
	if _, err := localsock.Listen(path, localsock.Options{}); !errors.Is(err, localsock.ErrInUse) {
		t.Errorf("error %v, want ErrInUse", err)
	}
	_, err := l.Accept() // that of the other's question
	if err != nil {
		t.Fatal(err)
	}
	client, server := accept(t, l)
	go client.Write([]byte("still here"))
	buf := make([]byte, 10)
	if _, err := io.ReadFull(server, buf); err != nil || !bytes.Equal(buf, []byte("still here")) {
		t.Errorf("got %q, error %v", buf, err)
	}
}

// A listener whose path another one took leaves that one's socket alone.
func TestCloseRemovesOnlyItsOwn(t *testing.T) {
	path := filepath.Join(testfolder.New(t, ""), "s")
	first := listen(t, path, localsock.Options{})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := listen(t, path, localsock.Options{})
	first.Close()
	accept(t, second)
}

const listenPath = "POOLCERT_TEST_LISTEN"

// TestListenOnly is not a test of its own: another user runs it to pose as a
// service.
func TestListenOnly(t *testing.T) {
	path := os.Getenv(listenPath)
	if path == "" {
		return
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Println("listening")
	io.Copy(io.Discard, os.Stdin)
	l.Close()
	os.Exit(0)
}

// A client speaks to root and to its own user, and to no one else.
func TestDialTrusts(t *testing.T) {
	testtool.NeedRoot(t, "to become others")
	dir := testfolder.New(t, "")
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	for uid, want := range map[uint32]error{0: nil, 54_321: localsock.ErrUntrusted} {
		path := filepath.Join(dir, fmt.Sprint(uid))
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestListenOnly$")
		cmd.Env = []string{listenPath + "=" + path}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(stdout, make([]byte, len("listening"))); err != nil {
			t.Fatal(err)
		}
		conn, err := localsock.Dial(t.Context(), path)
		if !errors.Is(err, want) {
			t.Errorf("uid %d listens: error %v, want %v", uid, err, want)
		}
		if err == nil {
			conn.Close()
		}
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}
