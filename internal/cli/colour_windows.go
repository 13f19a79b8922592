package cli

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableColour has a console follow escape sequences, which older ones cannot, and
// newer ones do when they are asked.
func enableColour(f *os.File) bool {
	var mode uint32
	if windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) != nil {
		return false
	}
	const sequences = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	return mode&sequences == sequences || windows.SetConsoleMode(windows.Handle(f.Fd()), mode|sequences) == nil
}
