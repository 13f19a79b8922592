package db

import (
	"regexp"
	"slices"
	"testing"
)

// TestCopyKnowsAllTables: a table that the schema gets is copied too.
func TestCopyKnowsAllTables(t *testing.T) {
	created := regexp.MustCompile(`CREATE TABLE (\w+)`)
	var all []string
	for _, statements := range migrations {
		for _, s := range statements {
			if m := created.FindStringSubmatch(s); m != nil {
				all = append(all, m[1])
			}
		}
	}
	if !slices.Equal(slices.Sorted(slices.Values(tables)), slices.Sorted(slices.Values(all))) {
		t.Errorf("got the tables %q, want those of the schema: %q", tables, all)
	}
}
