package agent

import (
	"os"
	"path/filepath"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

const nonblock = 0

// openPlain opens a file, and no link, to judge and read it.
func openPlain(path string) (*os.File, error) { return winfile.OpenFile(path) }

// checkFolders refuses a path if others can exchange a folder above it.
func checkFolders(path string) error { return winfile.CheckFolders(path) }

// checkSecret refuses a file that others than the agent's account, the system and the
// administrators may read, or change.
func checkSecret(f *os.File) error { return judge(f, winfile.Descriptor.CheckSecret) }

// checkOwner refuses what others than these may change.
func checkOwner(f *os.File) error { return judge(f, winfile.Descriptor.CheckUnchangeable) }

// checkOwnerOf is checkOwner for what a path leads to.
func checkOwnerOf(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return checkOwner(f)
}

// checkAbove refuses a folder in which others can exchange what is not theirs. They
// may add to it, as all users may to %ProgramData%.
func checkAbove(path string) error {
	own, err := winfile.Own()
	if err != nil {
		return err
	}
	d, err := winfile.OfPath(path)
	if err != nil {
		return err
	}
	return d.CheckAbove(own, filepath.Dir(path) == path)
}

// othersCanRead tells whether others than these can read an open file.
func othersCanRead(f *os.File) bool { return judge(f, winfile.Descriptor.CheckSecret) != nil }

func judge(f *os.File, check func(winfile.Descriptor, sddl.SID) error) error {
	own, err := winfile.Own()
	if err != nil {
		return err
	}
	d, err := winfile.Of(f)
	if err != nil {
		return err
	}
	return check(d, own)
}
