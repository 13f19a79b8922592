package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"poolcert/agent"
	"poolcert/internal/winfile"
)

// leastSpace is what a folder should have: for some generations of a large set.
const leastSpace = 16 << 20

// system looks at the volumes that the folders lie on.
func (f *findings) system(c *agent.Config) {
	f.volume("state_dir", c.StateDir)
	f.volume("certificates_dir", c.CertificatesDir)
}

// volume looks at where a folder lies. One that does not exist is left to Check.
func (f *findings) volume(check, dir string) {
	free, volume, err := lookAtVolume(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		f.fail(check, asAgent, err)
	case !volume.Rights:
		f.wrong(check, "set a path on a volume with NTFS or ReFS", "the volume of %s keeps no access rights: all users can read what is there", dir)
	case free < leastSpace:
		f.wrong(check, "make space there", "%s has only %d KiB of free space", dir, free>>10)
	default:
		f.ok(check, "%s has %d MiB of free space", dir, free>>20)
	}
}

func lookAtVolume(dir string) (free uint64, volume winfile.Volume, err error) {
	opened, err := os.Open(dir)
	if err != nil {
		return 0, volume, err
	}
	defer opened.Close()
	if volume, err = winfile.VolumeOf(opened); err != nil {
		return 0, volume, err
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, volume, err
	}
	if err := windows.GetDiskFreeSpaceEx(name, &free, nil, nil); err != nil {
		return 0, volume, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return free, volume, nil
}
