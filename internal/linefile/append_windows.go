package linefile

import (
	"fmt"
	"os"

	"poolcert/internal/winfile"
)

// openAppend follows no link, and refuses a file that others can change, or whose folder
// they can exchange for another one.
func openAppend(path string) (*os.File, error) {
	own, err := winfile.Own()
	if err != nil {
		return nil, err
	}
	if err := winfile.CheckFolders(path); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	file, err := winfile.OpenAppend(path)
	if err != nil {
		return nil, err
	}
	d, err := winfile.Of(file)
	if err == nil {
		err = d.CheckUnchangeable(own)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}
