package store

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

// On Windows, the rights of a file or folder are its access list: text in the
// descriptor definition language to set, and the words of package winfile when read.

const openSafely = 0 // a Root follows no junction out of itself, and there are no pipes

func supported() error {
	_, err := winfile.Keeper() // which asks for the account, too
	return err
}

// own returns this process's account, which supported has asked for before.
func own() sddl.SID {
	sid, _ := winfile.Own()
	return sid
}

// keeper returns whom what is made here is for.
func keeper() sddl.SID {
	sid, _ := winfile.Keeper()
	return sid
}

// rightsOf leaves out the access list.
func rightsOf(info fs.FileInfo) rights { return rights{mode: info.Mode().Type()} }

// ours are the rights of a folder of the tree: treeMode is for one that all users may
// pass through, and any other one for a private folder.
func ours(mode fs.FileMode) rights {
	if mode == treeMode {
		return rights{mode: fs.ModeDir, acl: winfile.Passable(keeper())}
	}
	return rights{mode: fs.ModeDir, acl: winfile.Private(keeper())}
}

// oursFile are the rights of a file that is for nobody else.
func oursFile() rights { return rights{acl: winfile.PrivateFile(keeper())} }

func (o Owner) file() rights {
	readers, _ := o.SIDs.List()
	return rights{acl: winfile.SharedFile(keeper(), readers...)}
}

// folder returns the rights of the folder of such files.
func (o Owner) folder() rights {
	readers, _ := o.SIDs.List()
	return rights{mode: fs.ModeDir, acl: winfile.Shared(keeper(), readers...)}
}

// aclOf returns the access list, and the owner, of an open file or folder.
func aclOf(f *os.File) (string, error) {
	d, err := winfile.Of(f)
	return d.String(), err
}

// mayNotGive: whom an access list names, nobody has to be asked.
func mayNotGive(error) bool { return false }

// isLeased tells whether somebody has the file open without leave for others to write.
func isLeased(err error) bool { return errors.Is(err, windows.ERROR_SHARING_VIOLATION) }

// isFull tells whether a disk has no room.
func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
