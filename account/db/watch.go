package db

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A Watch is how long some process has recorded without a gap when nodes were seen.
// A node's absence counts from its beginning only.
type Watch struct {
	Since, Last time.Time
}

const (
	watchSince = "watched_since"
	watchLast  = "watched_last"
)

// Watch returns the zero value when there has been none.
func (tx *Tx) Watch() (w Watch, err error) {
	for key, t := range map[string]*time.Time{watchSince: &w.Since, watchLast: &w.Last} {
		text, err := tx.meta(key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return Watch{}, err
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Watch{}, fmt.Errorf("%s: %w", key, err)
		}
		*t = time.Unix(0, n).UTC()
	}
	return w, nil
}

// SetWatch writes both times.
func (tx *Tx) SetWatch(w Watch) error {
	if err := tx.setMeta(watchSince, strconv.FormatInt(w.Since.UnixNano(), 10)); err != nil {
		return err
	}
	return tx.setMeta(watchLast, strconv.FormatInt(w.Last.UnixNano(), 10))
}
