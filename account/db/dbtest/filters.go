package dbtest

import (
	"testing"
	"time"

	"poolcert/account/db"
	"poolcert/batch"
)

func term(property string, op db.Op, value any) *db.Filter {
	return &db.Filter{Property: property, Op: op, Value: value}
}

func testCertificateFilters(t *testing.T, d *db.DB) {
	fill(t, d)
	update(t, d, func(tx *db.Tx) error {
		return tx.SetCertificateState(1, thumbprint(2), batch.StateDeleting, start.Add(time.Hour), "", 9)
	})
	joined := func(n int) *db.Filter {
		f := term("state", db.EQ, "active")
		for range n - 1 {
			f = &db.Filter{Op: db.Or, Left: f, Right: term("state", db.EQ, "active")}
		}
		return f
	}
	year := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		filter *db.Filter
		want   int // -1: ErrFilter
	}{
		"equal":         {term("state", db.EQ, "Active"), 4},
		"not equal":     {term("state", db.NE, "active"), 1},
		"later":         {term("stateTransitionTime", db.GT, start.Add(4*time.Second)), 2},
		"not earlier":   {term("stateTransitionTime", db.GE, start.Add(4*time.Second)), 3},
		"earlier":       {term("stateTransitionTime", db.LT, start.Add(4*time.Second)), 2},
		"not later":     {term("stateTransitionTime", db.LE, start.Add(4*time.Second)), 3},
		"and":           {&db.Filter{Op: db.And, Left: term("state", db.EQ, "active"), Right: term("stateTransitionTime", db.GT, start.Add(4*time.Second))}, 1},
		"or":            {&db.Filter{Op: db.Or, Left: term("state", db.EQ, "deleting"), Right: term("stateTransitionTime", db.LT, start.Add(2*time.Second))}, 2},
		"quote":         {term("state", db.EQ, "' OR 1=1 --"), 0},
		"unknown":       {term("rev", db.EQ, "1"), -1},
		"injection":     {term("1=1; --", db.EQ, "1"), -1},
		"operator":      {term("state", "like", "a"), -1},
		"time as text":  {term("stateTransitionTime", db.EQ, "2026"), -1},
		"text as time":  {term("state", db.EQ, start), -1},
		"other type":    {term("state", db.EQ, 1), -1},
		"half":          {&db.Filter{Op: db.And, Left: term("state", db.EQ, "active")}, -1},
		"many":          {joined(64), 4},
		"too many":      {joined(65), -1},
		"far future":    {term("stateTransitionTime", db.LT, year(9999)), 5},
		"far past":      {term("stateTransitionTime", db.GT, year(1600)), 5},
		"not so far":    {term("stateTransitionTime", db.GT, year(9999)), 0},
		"zero time":     {term("stateTransitionTime", db.GT, time.Time{}), 5},
		"empty":         {&db.Filter{}, -1},
		"not filtering": {nil, 5},
	} {
		err := d.View(t.Context(), func(tx *db.Tx) error {
			got, err := tx.Certificates(1, nil, test.filter, 10)
			if err == nil && len(got) != test.want {
				t.Errorf("%s: got %d certificates, want %d", name, len(got), test.want)
			}
			return err
		})
		if test.want < 0 {
			wantError(t, err, db.ErrFilter)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func testNodeFilters(t *testing.T, d *db.DB) {
	fill(t, d)
	view(t, d, func(tx *db.Tx) error {
		for state, want := range map[string]int{"starting": 1, "idle": 0, "unknown": 0} {
			got, err := tx.Nodes(1, "a", "", term("state", db.EQ, state), start, 10)
			equal(t, len(got), err, want)
			got, err = tx.Nodes(1, "a", "", term("state", db.EQ, state), start.Add(1), 10)
			equal(t, len(got) == 1, err, state == "unknown")
		}
		for _, test := range []struct {
			filter *db.Filter
			want   int
		}{
			{term("startTaskInfo/exitCode", db.EQ, int64(0)), 0},
			{term("startTaskInfo/exitCode", db.NE, int64(0)), 1}, // absent, so not 0
			{term("startTaskInfo/result", db.NE, "success"), 1},
			{term("startTaskInfo/endTime", db.LT, start.Add(time.Hour)), 0},
			{term("lastBootTime", db.LT, start), 0},
			{term("id", db.StartsWith, "N"), 1},
			{term("stateTransitionTime", db.EQ, start), 1}, // starting, since it enrolled
		} {
			got, err := tx.Nodes(1, "a", "", test.filter, start, 10)
			if err != nil || len(got) != test.want {
				t.Errorf("%v: got %d nodes, %v, want %d", test.filter, len(got), err, test.want)
			}
		}
		return nil
	})
}

func testPoolFilters(t *testing.T, d *db.DB) {
	fill(t, d)
	update(t, d, func(tx *db.Tx) error {
		b, err := tx.Pool(1, "b")
		if err != nil {
			return err
		}
		b.Properties = `{"vmSize": "Standard_A1", "enableAutoScale": true}`
		return tx.SetPool(b)
	})
	view(t, d, func(tx *db.Tx) error {
		for _, test := range []struct {
			filter *db.Filter
			want   int
		}{
			{term("id", db.EQ, "B"), 1},
			{term("id", db.StartsWith, "B"), 1},
			{term("id", db.StartsWith, ""), 2},
			{term("vmSize", db.EQ, "STANDARD_A1"), 1},
			{term("vmSize", db.StartsWith, "standard"), 1},
			{term("vmSize", db.NE, "standard_a1"), 1},
			{term("enableAutoScale", db.EQ, true), 1},
			{term("enableAutoScale", db.EQ, false), 1},
			{term("enableInterNodeCommunication", db.NE, false), 0},
			{term("allocationState", db.EQ, "steady"), 2},
			{term("allocationStateTransitionTime", db.LT, start.Add(-time.Hour)), 0},
		} {
			got, err := tx.Pools(1, "", test.filter, 10)
			if err != nil || len(got) != test.want {
				t.Errorf("%v: got %d pools, %v, want %d", test.filter, len(got), err, test.want)
			}
		}
		return nil
	})
}

// testOddProperties: a pool whose properties hold what no text can doesn't hide the
// others from filters.
func testOddProperties(t *testing.T, d *db.DB) {
	fill(t, d)
	odd := &db.Pool{Account: 1, ID: "odd", Created: start, Modified: start, References: `[]`,
		Properties: `{"vmSize": "\u0000\ud800\ude00\udc00\ud83d\ude00\\\u0000\\u0000\ud800\\u0000", "\u0000\ud83d": {}}`}
	want := `{"vmSize": "\ufffd\ud800\ude00\ufffd\ud83d\ude00\\\ufffd\\u0000\ufffd\\u0000", "\ufffd\ufffd": {}}`
	for _, write := range []func(*db.Tx) error{
		func(tx *db.Tx) error { return tx.AddPool(odd) },
		func(tx *db.Tx) error { odd.Properties = `{"vmSize": "\ude00"}`; return tx.SetPool(odd) },
	} {
		update(t, d, write)
		equal(t, odd.Properties, nil, want)
		want = `{"vmSize": "\ufffd"}`
		view(t, d, func(tx *db.Tx) error {
			got, err := tx.Pools(1, "", &db.Filter{Property: "vmSize", Op: db.NE, Value: "x"}, 10)
			if err == nil && len(got) != 3 {
				t.Errorf("got %d pools, want 3", len(got))
			}
			return err
		})
	}
}
