package svcrun

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is released is not built with the tag that trusts Wine's account: nothing that
// builds it knows the tag.
func TestReleaseHasNoTestTag(t *testing.T) {
	for _, place := range []string{"../../scripts/release", "../../scripts/release.d", "../../packaging"} {
		err := filepath.WalkDir(place, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || strings.Contains(entry.Name(), "test") {
				return err
			}
			data, err := os.ReadFile(path)
			if err == nil && strings.Contains(string(data), "winetest") {
				t.Errorf("%s speaks of the tag winetest", path)
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	}
}
