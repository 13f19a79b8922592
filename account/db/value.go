package db

import (
	"fmt"
	"time"

	"poolcert/batch"
)

// Times are stored as nanoseconds since 1970, the zero time as 0.

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// flag stores a bool, which SQLite has not.
func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// scanTime scans into a time.
type scanTime struct{ t *time.Time }

func (s scanTime) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("time: got a %T, want a number", src)
	}
	*s.t = time.Time{}
	if n != 0 {
		*s.t = time.Unix(0, n).UTC()
	}
	return nil
}

// scanThumbprint scans 40 hexadecimal digits.
type scanThumbprint struct{ t *batch.Thumbprint }

func (s scanThumbprint) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("thumbprint: got a %T, want text", src)
	}
	return s.t.UnmarshalText([]byte(text))
}
