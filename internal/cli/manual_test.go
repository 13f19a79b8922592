package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestManual(t *testing.T) {
	root := newTestTree()
	root.Short = "Try things"
	root.AddCommand(&cobra.Command{Use: "secret", Hidden: true, RunE: func(*cobra.Command, []string) error { return nil }})
	list, _, _ := root.Find([]string{"thing", "list"})
	list.Short = "List things"
	list.Long = "First\nparagraph.\n\n.dots and \\slashes\n\n  prog   keeps its form\n\nLast one."
	list.Flags().DurationP("wait", "w", time.Second, "how `long` to wait")

	dir := t.TempDir()
	if code := Main(t.Context(), root, []string{"manual", "--date", "2026-01-31", dir}, nil, io.Discard, io.Discard); code != 0 {
		t.Fatalf("exit %d", code)
	}
	for _, name := range []string{"prog", "prog-thing", "prog-thing-list", "prog-thing-leave", "prog-version"} {
		if _, err := os.Stat(filepath.Join(dir, name+".1")); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"prog-secret", "prog-help", "prog-manual", "prog-completion"} {
		if _, err := os.Stat(filepath.Join(dir, name+".1")); err == nil {
			t.Errorf("%s has a page", name)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "prog-thing-list.1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		".TH PROG\\-THING\\-LIST 1 \"2026-01-31\" \"prog " + Version() + "\"",
		".SH NAME\nprog\\-thing\\-list \\- List things\n",
		"First\nparagraph.\n.PP\n\\&.dots and \\eslashes\n.PP\n.nf\n  prog   keeps its form\n\n.fi\n.PP\nLast one.\n",
		".TP\n\\fB\\-w, \\-\\-wait\\fR \\fIlong\\fR\nhow long to wait (default 1s)\n",
		"\\fBprog\\-thing\\fR(1)",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}
