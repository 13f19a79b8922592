package db

import (
	"context"
	"errors"
	"testing"
)

// TestSQLiteSettings reads back what promises of the package rest on.
func TestSQLiteSettings(t *testing.T) {
	d := openTest(t)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} { // 2: FULL
		err := d.Update(t.Context(), func(tx *Tx) error {
			var got string
			err := tx.row([]any{&got}, `PRAGMA `+pragma)
			if got != want {
				t.Errorf("%s: got %s, want %s", pragma, got, want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	err := d.View(t.Context(), func(tx *Tx) error { return tx.setMeta("k", "v") })
	if err == nil {
		t.Error("a view has written")
	}
}

// TestEndedJob: a job whose context ended while it waited for others of its batch is
// not run.
func TestEndedJob(t *testing.T) {
	w := openTest(t).engine.(*sqliteEngine).writer
	ctx, end := context.WithCancel(t.Context())
	var ran []string
	newJob := func(name string, then func()) *job {
		return &job{ctx: ctx, done: make(chan struct{}), fn: func(context.Context, querier) error {
			ran = append(ran, name)
			then()
			return nil
		}}
	}
	first, second := newJob("first", end), newJob("second", func() {})
	w.commit([]*job{first, second})
	if first.err != nil || !errors.Is(second.err, context.Canceled) || len(ran) != 1 {
		t.Errorf("ran %v, with the errors %v and %v", ran, first.err, second.err)
	}
}
