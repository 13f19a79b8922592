package localsock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// hiddenID returns the id that stands for all users, or all groups, whom the user
// namespace of this process has no id for. In the first namespace there is none.
func hiddenID(mapFile, overflowFile string) func() (id uint32, some bool) {
	return sync.OnceValues(func() (uint32, bool) {
		ids, err := os.ReadFile(mapFile)
		if f := strings.Fields(string(ids)); err == nil && len(f) == 3 && f[2] == "4294967295" {
			return 0, false
		}
		text, _ := os.ReadFile(overflowFile)
		id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
		if err != nil {
			id = 65534
		}
		return uint32(id), true
	})
}

var (
	hiddenUID = hiddenID("/proc/self/uid_map", "/proc/sys/kernel/overflowuid")
	hiddenGID = hiddenID("/proc/self/gid_map", "/proc/sys/kernel/overflowgid")
)

// withoutHidden drops the group that stands for unknown ones.
func withoutHidden(groups []uint32) []uint32 {
	hidden, some := hiddenGID()
	if !some {
		return groups
	}
	var known []uint32
	for _, g := range groups {
		if g != hidden {
			known = append(known, g)
		}
	}
	return known
}

// checkWay tells whether only the owners of the folders above path could have put
// a socket there, and these are root, this process's user, or hidden ones. It is
// what is left to go by in a container whose user namespace hides the node's root:
// whoever mounted the folder chose whose socket is there.
func checkWay(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, way := range []string{path, real} {
		for folder := filepath.Dir(way); ; folder = filepath.Dir(folder) {
			if err := checkStep(folder); err != nil {
				return err
			}
			if folder == "/" {
				break
			}
		}
	}
	return nil
}

func checkStep(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("its owner is not known")
	}
	hidden, _ := hiddenUID()
	switch {
	case st.Uid != 0 && int(st.Uid) != os.Geteuid() && st.Uid != hidden:
		return fmt.Errorf("%s belongs to uid %d", folder, st.Uid)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("others may write %s (mode %#o)", folder, info.Mode().Perm())
	}
	return nil
}
