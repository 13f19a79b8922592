//go:build linux

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The defaults in it are those of Linux.
func TestReferenceIsUpToDate(t *testing.T) {
	want, err := reference("../..")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s is out of date; write it again: go run ./scripts/docs.d\n%s", file, diff)
	}
}

func TestReferenceHasAllForms(t *testing.T) {
	text, err := reference("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| `check_interval` | time | `\"10m\"` | ",                              // a default
		"| `metrics_public` | true or false | `false` | see `metrics_listen` |", // one comment for two
		"### `[owners.task]`, `[owners.starttask]`, `[owners.remoteuser]`",
		"### `[[hook]]`, as often as there are",
		"certificates_dir`/current/&lt;visibility>",
		"| `account_rate` | `500` | Requests a second",
		"| `node_ttl` | not set; such as `\"720h\"` | ",
		"### `[[oidc.rule]]`",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the reference", want)
		}
	}
}
