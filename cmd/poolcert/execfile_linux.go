package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"poolcert/decrypt"
	"poolcert/internal/cli"
)

// maxSecretFile bounds a secret that is handed over in memory.
const maxSecretFile = 256 << 20

// openFile opens a message into memory that has no name, and that nobody can change
// any more. The command inherits it.
func (p *execPlan) openFile(ctx context.Context, s sealedFile, u decrypt.Unwrapper) error {
	in, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer in.Close()
	f, err := memoryFile()
	if err != nil {
		return fmt.Errorf("make a file in memory: %w", err)
	}
	p.files = append(p.files, f)
	// Nobody sees it before all of it is known.
	if _, err := decrypt.Decrypt(ctx, &boundedFile{f, maxSecretFile}, in, u, decrypt.Options{UnverifiedStream: true}); err != nil {
		return err
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE); err != nil {
		return fmt.Errorf("seal a file in memory: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	p.paths[s.name] = p.inheritedPath(f)
	return nil
}

// memoryFile makes a file in memory for the owner alone: ssh, for one, takes no
// other key.
func memoryFile() (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("poolcert-secret", flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("poolcert-secret", flags)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "secret in memory"), unix.Fchmod(fd, 0o400)
}

// inheritedPath returns the path by which the command reads f. In this process's
// place, its own number tells the file to all that it starts: many a program
// closes the files that it inherited. A child has no known number yet.
func (p *execPlan) inheritedPath(f *os.File) string {
	if p.staying {
		return fmt.Sprintf("/proc/self/fd/%d", 2+len(p.files))
	}
	self := strconv.Itoa(os.Getpid())
	if link, err := os.Readlink("/proc/self"); err != nil || link != self {
		self = "self" // /proc counts otherwise
	}
	return fmt.Sprintf("/proc/%s/fd/%d", self, f.Fd())
}

// A boundedFile refuses more than so many bytes.
type boundedFile struct {
	f    *os.File
	left int
}

func (b *boundedFile) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, cli.Hint(fmt.Errorf("the secret is longer than %d MiB, too long for memory", maxSecretFile>>20), "open it to a folder with 'poolcert unwrap'")
	}
	return b.f.Write(p)
}
