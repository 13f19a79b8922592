package logfile

import (
	"fmt"

	"poolcert/internal/filetrust"
	"poolcert/internal/winfile"
)

// ofPath is a variable since Wine has no lists as fine as those of Windows.
var ofPath = winfile.OfPath

// makeFolder makes the folder for the process's account, the system and the
// administrators, with all that will be in it: a folder below ProgramData would let all
// users in. One that is there has to be a folder that nobody else can change, and that
// nobody else can exchange for another: in it, the agent makes, moves and removes files
// with the rights of the system.
func makeFolder(path string) error {
	own, err := winfile.Own()
	if err != nil {
		return err
	}
	if err := filetrust.MakePrivate(path); err != nil {
		return err
	}
	d, err := ofPath(path)
	if err != nil {
		return err
	}
	if err := d.CheckUnchangeable(own); err != nil {
		return fmt.Errorf("the folder %s is not safe: %w", path, err)
	}
	return nil
}
