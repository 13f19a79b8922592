package db

import "fmt"

// ErrDisk is an [ErrBusy] that a person has to end.
var ErrDisk = fmt.Errorf("%w: its disk is full, or fails", ErrBusy)
