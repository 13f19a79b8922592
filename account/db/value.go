package db

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"

	"poolcert/batch"
)

// Times are stored as nanoseconds since 1970, the zero time as 0. Those that a
// number of nanoseconds can't say, before 1678 and after 2262, come in filters only:
// they are as the first and the last one that it can.

var (
	firstTime = time.Unix(0, math.MinInt64)
	lastTime  = time.Unix(0, math.MaxInt64)
)

func nanos(t time.Time) int64 {
	switch {
	case t.IsZero():
		return 0
	case t.Before(firstTime):
		return math.MinInt64
	case t.After(lastTime):
		return math.MaxInt64
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

type scanKey struct{ key *[sha256.Size]byte }

func (s scanKey) Scan(src any) error {
	data, ok := src.([]byte)
	if !ok || len(data) != len(s.key) {
		return fmt.Errorf("hash of a key: got a %T, want %d bytes", src, len(s.key))
	}
	copy(s.key[:], data)
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
