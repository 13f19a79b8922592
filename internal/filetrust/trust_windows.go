package filetrust

import (
	"os"
	"path/filepath"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

const nonblock = 0

func open(path string) (*os.File, error) { return winfile.OpenFile(path) }

func checkFolders(path string) error { return winfile.CheckFolders(path) }

func checkSecret(f *os.File) error { return judge(f, winfile.Descriptor.CheckSecret) }

func checkOwner(f *os.File) error { return judge(f, winfile.Descriptor.CheckUnchangeable) }

func checkOwnerOf(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return checkOwner(f)
}

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

func makePassable(dir string) error {
	keeper, err := winfile.Keeper()
	if err != nil {
		return err
	}
	return winfile.MkdirAll(dir, winfile.Passable(keeper))
}

// What is made above is passable, and does not inherit from %ProgramData%, where all
// users may make files.
func makePrivate(dir string) error {
	keeper, err := winfile.Keeper()
	if err != nil {
		return err
	}
	return winfile.MkdirAll(dir, winfile.Private(keeper))
}
