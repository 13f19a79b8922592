// Package filetrust tells whether files that decide something on a node, such as a
// configuration or a join token, are safe from other users than root (on Windows,
// the system and the administrators) and this process's user.
//
// Call [Open], then [CheckOwner] or [CheckSecret] on the open file and
// [CheckFolders] on its path, and read the file with [ReadAll]: what is judged is
// what is read, whoever exchanges files meanwhile. For a message to a person, before
// there is anything to read, [CheckOwnerOf] and [CheckAbove] judge what a path
// leads to.
//
// The checks return nil, or an error whose text says who else can do what; on
// Windows it may wrap those of package winfile. They judge, and change nothing.
//
// Do not open again by its path what was judged.
package filetrust

import "os"

// Nonblock is a flag of [os.OpenFile] that keeps a pipe in the place of a file from
// holding up its reader.
const Nonblock = nonblock

// Open opens a file to judge and read it. On Unix a link may lead to it; on Windows
// a link is refused.
func Open(path string) (*os.File, error) { return open(path) }

// CheckOwner refuses an open file or folder that others may change.
func CheckOwner(f *os.File) error { return checkOwner(f) }

// CheckOwnerOf is CheckOwner for what a path leads to.
func CheckOwnerOf(path string) error { return checkOwnerOf(path) }

// CheckSecret refuses an open file that others may read, or change. A credential of
// the service manager, which root owns, may be readable by its group.
func CheckSecret(f *os.File) error { return checkSecret(f) }

// CheckFolders refuses a path if others can exchange a folder above it. It refuses
// nothing on Unix: there, the folders above are root's to choose.
func CheckFolders(path string) error { return checkFolders(path) }

// CheckAbove refuses a folder in which others can exchange what is not theirs. They
// may add to it, as all users may to /tmp and %ProgramData%.
func CheckAbove(path string) error { return checkAbove(path) }

// OthersCanRead tells whether others can read an open file; on Unix, everybody: who
// is in its group was let in. It is true when that cannot be known.
func OthersCanRead(f *os.File) bool { return othersCanRead(f) }

// MakePassable makes a folder that everybody may pass through, whatever the umask
// is, and those above it that are missing. A folder that exists stays as it is; on
// Windows, it is refused if others can exchange it.
func MakePassable(dir string) error { return makePassable(dir) }

// MakePrivate makes a folder that only this process's user may enter; on Windows, the
// system and the administrators may, too. What is missing above it is made as by
// [MakePassable], since what others need may be beside it. What has the path already stays
// as it is: judge it.
func MakePrivate(dir string) error { return makePrivate(dir) }
