package logfile

import "poolcert/internal/winfile"

// makeFolder makes the folder for the process's account, the system and the
// administrators, with all that will be in it: a folder below ProgramData would let all
// users in.
func makeFolder(path string) error {
	own, err := winfile.Own()
	if err != nil {
		return err
	}
	return winfile.MkdirAll(path, winfile.Private(own))
}
