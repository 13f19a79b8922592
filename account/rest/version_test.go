package rest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"poolcert/batch"
)

// All operations answer in each version of the API. A link of a list stays in the
// version of its request.
func TestVersions(t *testing.T) {
	for _, version := range batch.Versions() {
		t.Run(version, func(t *testing.T) {
			s := newStory(t, "")
			s.vars["v"] = "api-version=" + version
			s.vars["cancel"] = "/canceldelete?" + s.vars["v"]
			if version < "2016-02-01.3.0" {
				s.vars["cancel"] = "?canceldelete&" + s.vars["v"]
			}
			archive, err := txtar.ParseFile("testdata/versions/all.txtar")
			if err != nil {
				t.Fatal(err)
			}
			s.tell(archive.Files)
			if !strings.Contains(s.vars["next"], fmt.Sprintf("api-version=%s", version)) {
				t.Errorf("the next page is %s", s.vars["next"])
			}
		})
	}
}
