package winfile

import (
	"errors"
	"time"

	"golang.org/x/sys/windows"
)

// patience is how long Patiently tries: those who look into every new file, such as
// virus scanners and indexers, hold it for less.
const patience = 500 * time.Millisecond

// Patiently calls do, which moves or removes a file, again while another program has
// the file open, for half a second.
func Patiently(do func() error) error {
	deadline := time.Now().Add(patience)
	for wait := time.Millisecond; ; wait *= 2 {
		err := do()
		if !isHeld(err) || time.Now().Add(wait).After(deadline) {
			return err
		}
		time.Sleep(wait)
	}
}

// isHeld tells whether the cause may be that a file is open. To replace one that is
// open counts as denied.
func isHeld(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
