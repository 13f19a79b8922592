package winfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
)

// Own returns the account of this process.
var Own = sync.OnceValues(func() (sddl.SID, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("ask for the account of this process: %w", err)
	}
	return sddl.SID(user.User.Sid.String()), nil
})

// Keeper returns whom what this process makes is for: the administrators, if it has the
// rights of one, and else its account.
var Keeper = sync.OnceValues(func() (sddl.SID, error) {
	own, err := Own()
	if err != nil {
		return "", err
	}
	token, err := windows.GetCurrentProcessToken().GetTokenGroups()
	if err != nil {
		return "", fmt.Errorf("ask for the groups of this process: %w", err)
	}
	var groups []group
	for _, g := range token.AllGroups() {
		groups = append(groups, group{sddl.SID(g.Sid.String()), g.Attributes})
	}
	return keeperOf(own, groups), nil
})

// Mkdir makes a folder with its rights.
func Mkdir(path, rights string) error {
	sd, err := windows.SecurityDescriptorFromString(rights)
	if err != nil {
		return err
	}
	sa := &windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(*sa))
	name, err := windows.UTF16PtrFromString(path)
	if err == nil {
		err = windows.CreateDirectory(name, sa)
	}
	if err != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: err}
	}
	return nil
}

// MkdirAll makes the folder path with its rights, and those above that are missing so
// that all users may pass through. A folder that is there stays as it is, and is refused,
// with a [*FolderError], if others can exchange what is in it.
func MkdirAll(path, rights string) error {
	own, err := Own()
	if err != nil {
		return err
	}
	keeper, err := Keeper()
	if err != nil {
		return err
	}
	chain, err := chainOf(path)
	if err != nil {
		return err
	}
	return makeFolders(system{}, own, chain, rights, Passable(keeper))
}

// CheckFolders refuses a path, with a [*FolderError], if others can exchange a folder
// above it for another one, or if it leads through a junction or a link.
func CheckFolders(path string) error {
	own, err := Own()
	if err != nil {
		return err
	}
	chain, err := chainOf(path)
	if err != nil {
		return err
	}
	return checkFolders(system{}, own, chain[1:])
}

// chainOf returns path and the folders above it, up to the root of the volume.
func chainOf(path string) ([]string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	chain := []string{path}
	for above := filepath.Dir(path); above != path; above = filepath.Dir(path) {
		path = above
		chain = append(chain, path)
	}
	return chain, nil
}

type system struct{}

func (system) look(path string) (Descriptor, error) { return OfPath(path) }
func (system) mkdir(path, rights string) error      { return Mkdir(path, rights) }

// CreateIn makes a file in an open folder, with its rights.
func CreateIn(dir *os.File, name, rights string) (*os.File, error) {
	return open(dir, name, rights, newFile)
}

// MkdirIn makes a folder in an open folder, with its rights.
func MkdirIn(dir *os.File, name, rights string) (*os.File, error) {
	return open(dir, name, rights, newFolder)
}

// OpenFolderIn opens a folder in an open folder to look at it.
func OpenFolderIn(dir *os.File, name string) (*os.File, error) {
	return open(dir, name, "", oldFolder)
}

// OpenOwnFolderIn opens it to change its rights or to sync it.
func OpenOwnFolderIn(dir *os.File, name string) (*os.File, error) {
	return open(dir, name, "", ownFolder)
}

// OpenFileIn opens a file in an open folder to read it.
func OpenFileIn(dir *os.File, name string) (*os.File, error) {
	return open(dir, name, "", oldFile)
}

func open(dir *os.File, name, rights string, how opening) (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, &fs.PathError{Op: "open", Path: filepath.Join(dir.Name(), name), Err: err}
	}
	object := &windows.OBJECT_ATTRIBUTES{Attributes: attributesUnique | attributesNoReparse, RootDirectory: windows.Handle(dir.Fd())}
	object.Length = uint32(unsafe.Sizeof(*object))
	var err error
	if object.ObjectName, err = windows.NewNTUnicodeString(name); err != nil {
		return fail(err)
	}
	if rights != "" {
		if object.SecurityDescriptor, err = windows.SecurityDescriptorFromString(rights); err != nil {
			return fail(err)
		}
	}
	var handle windows.Handle
	err = windows.NtCreateFile(&handle, how.access, object, new(windows.IO_STATUS_BLOCK), nil,
		windows.FILE_ATTRIBUTE_NORMAL, shareAll, how.disposition, how.options, 0, 0)
	if status, ok := err.(windows.NTStatus); ok {
		err = status.Errno()
	}
	if err != nil {
		return fail(err)
	}
	f := os.NewFile(uintptr(handle), filepath.Join(dir.Name(), name))
	// A reparse point at the name itself.
	if err := refuseReparse(f); err != nil {
		f.Close()
		return fail(err)
	}
	return f, nil
}

func refuseReparse(f *os.File) error {
	link, err := isReparse(f)
	if err == nil && link {
		err = ErrLink
	}
	return err
}

// isReparse is a variable since Wine has no reparse points.
var isReparse = func(f *os.File) (bool, error) {
	var info windows.ByHandleFileInformation
	err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info)
	return info.FileAttributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0, err
}

// Of returns the descriptor of an open file or folder.
func Of(f *os.File) (Descriptor, error) {
	sd, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT,
		windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return Descriptor{}, &fs.PathError{Op: "read access rights of", Path: f.Name(), Err: err}
	}
	d, err := descriptor(sd)
	if err != nil {
		return Descriptor{}, err
	}
	if d.Link, err = isReparse(f); err != nil {
		return Descriptor{}, &fs.PathError{Op: "read attributes of", Path: f.Name(), Err: err}
	}
	return d, nil
}

// OfPath is Of for a path, whose last name is not followed if it is a reparse point.
func OfPath(path string) (Descriptor, error) {
	f, err := openPath(path, windows.READ_CONTROL|windows.FILE_READ_ATTRIBUTES)
	if err != nil {
		return Descriptor{}, err
	}
	defer f.Close()
	return Of(f)
}

func openPath(path string, access uint32) (*os.File, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := windows.CreateFile(name, access, shareAll, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(handle), path), nil
}

func descriptor(sd *windows.SECURITY_DESCRIPTOR) (d Descriptor, err error) {
	owner, _, err := sd.Owner()
	if err != nil {
		return d, fmt.Errorf("read owner: %w", err)
	}
	if owner != nil {
		d.Owner = sddl.SID(owner.String())
	}
	control, _, err := sd.Control()
	if err != nil {
		return d, fmt.Errorf("read access rights: %w", err)
	}
	d.Protected = control&windows.SE_DACL_PROTECTED != 0
	list, _, err := sd.DACL()
	if errors.Is(err, windows.ERROR_OBJECT_NOT_FOUND) || err == nil && list == nil {
		d.Open = true
		return d, nil
	}
	if err != nil {
		return d, fmt.Errorf("read access list: %w", err)
	}
	for i := range list.AceCount {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, uint32(i), &ace); err != nil {
			return d, fmt.Errorf("read access list: %w", err)
		}
		d.Entries = append(d.Entries, entry(ace))
	}
	return d, nil
}

// entry reads the simple kinds, and those with a condition, which is taken for met.
// Files have no others; one is taken to allow everybody everything.
func entry(ace *windows.ACCESS_ALLOWED_ACE) Entry {
	const allowIf, denyIf = 0x9, 0xa
	e := Entry{Flags: ace.Header.AceFlags, Mask: uint32(ace.Mask)}
	switch ace.Header.AceType {
	case windows.ACCESS_DENIED_ACE_TYPE, denyIf:
		e.Deny = true
	case windows.ACCESS_ALLOWED_ACE_TYPE, allowIf:
	default:
		return Entry{Flags: e.Flags, Mask: 0xffffffff, To: sddl.Everyone}
	}
	e.To = sddl.SID((*windows.SID)(unsafe.Pointer(&ace.SidStart)).String())
	return e
}

// setSecurityInfo is a variable since what Wine makes of its flags cannot be read back.
var setSecurityInfo = windows.SetSecurityInfo

// Set gives an open file or folder other rights.
func Set(f *os.File, rights string) error {
	sd, err := windows.SecurityDescriptorFromString(rights)
	if err != nil {
		return err
	}
	list, _, err := sd.DACL()
	if err == nil {
		err = setSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT,
			windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, nil, nil, list, nil)
	}
	if err != nil {
		return &fs.PathError{Op: "set access rights of", Path: f.Name(), Err: err}
	}
	return nil
}

// A Volume is what a volume can do.
type Volume struct {
	Rights    bool // it keeps access rights
	Junctions bool // it has reparse points
}

// VolumeOf returns what the volume of an open file or folder can do.
func VolumeOf(f *os.File) (Volume, error) {
	var flags uint32
	if err := windows.GetVolumeInformationByHandle(windows.Handle(f.Fd()), nil, 0, nil, nil, &flags, nil, 0); err != nil {
		return Volume{}, &fs.PathError{Op: "ask the volume of", Path: f.Name(), Err: err}
	}
	return Volume{flags&windows.FILE_PERSISTENT_ACLS != 0, flags&windows.FILE_SUPPORTS_REPARSE_POINTS != 0}, nil
}
