package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"poolcert/agent"
	"poolcert/internal/memlock"
)

// Space that a folder should have: for some generations of a large set.
const (
	leastSpace  = 16 << 20
	leastInodes = 1000
	leastWatch  = 64 // folders that the agent watches
)

// system looks at file systems and at what the kernel has.
func (f *findings) system(c *agent.Config) {
	f.fileSystem("state_dir", c.StateDir, false)
	f.fileSystem("certificates_dir", c.CertificatesDir, true)
	f.kernel(len(c.Keyless()) > 0)
}

// fileSystem looks at where a folder lies. One that does not exist is left to Check.
func (f *findings) fileSystem(check, dir string, keys bool) {
	var st unix.Statfs_t
	err := unix.Statfs(dir, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		f.fail(check, "run this as root", fmt.Errorf("%s: %w", dir, err))
		return
	}
	free := st.Bavail * uint64(st.Bsize)
	switch {
	case st.Flags&unix.ST_RDONLY != 0:
		f.wrong(check, "mount it for writing, or set another path", "%s is on a file system that is mounted read-only", dir)
	case free < leastSpace:
		f.wrong(check, "make space there", "%s has only %d KiB of free space", dir, free>>10)
	case st.Files > 0 && st.Ffree < leastInodes:
		f.wrong(check, "make space there", "%s has room for %d more files", dir, st.Ffree)
	case unix.Access(dir, unix.W_OK|unix.X_OK) != nil:
		f.wrong(check, "run this as the agent's user, which should be root; 'lsattr -d' and the mount options tell more", "%s cannot be written", dir)
	default:
		f.ok(check, "%s has %d MiB of free space", dir, free>>20)
	}
	if keys && st.Type != unix.TMPFS_MAGIC && st.Type != unix.RAMFS_MAGIC {
		f.warn(check, "set a certificates_dir below /run, or mount a tmpfs there", "%s is not on a tmpfs: private keys are written to a disk", dir)
	}
}

// kernel looks at what the agent wants of the kernel. inMemory: keys are nowhere else.
func (f *findings) kernel(inMemory bool) {
	if fd, err := unix.PidfdOpen(os.Getpid(), 0); err != nil {
		f.warn("kernel", "Linux 5.3 or later has it; without, callers are known by their connection alone", "no pidfd: %v", err)
	} else {
		unix.Close(fd)
	}
	secret := "memfd_secret"
	if fd, err := unix.MemfdSecret(0); err != nil {
		secret = "no memfd_secret (not needed)"
	} else {
		unix.Close(fd)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err == nil && inMemory && limit.Cur != unix.RLIM_INFINITY && os.Geteuid() != 0 {
		f.warn("kernel", "LimitMEMLOCK=infinity or CAP_IPC_LOCK in the unit", "%v", &memlock.LimitError{Limit: limit.Cur})
	}
	var facts []string
	for _, l := range []struct {
		name  string
		least int
	}{{"max_user_instances", 2}, {"max_user_watches", leastWatch}} {
		n, err := readNumber("/proc/sys/fs/inotify/" + l.name)
		switch {
		case err != nil:
			f.warn("kernel", "changes of files are noticed by checks only", "inotify: %v", err)
		case n < l.least:
			f.warn("kernel", "raise it, such as with 'sysctl fs.inotify."+l.name+"=8192'; changes of files are noticed by checks only", "fs.inotify.%s is %d", l.name, n)
		default:
			facts = append(facts, fmt.Sprintf("%s %d", l.name, n))
		}
	}
	f.ok("kernel", "%s; inotify: %s", secret, strings.Join(facts, ", "))
}

func readNumber(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data)))
}
