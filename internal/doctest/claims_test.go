package doctest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// keyless finds where it is said that a task cannot have the private key.
var keyless = regexp.MustCompile(`(?i)\b(never|not|no one)\s+(holds?|sees?|has|have|gets?|reads?)\s+(the|a|its)\s+(private\s+)?key\b|\b(has|have|sees?) no (private )?key\b|\bstays? with the agent\b`)

// TestKeylessIsDecryptOnly wants who says that tasks don't get the key to say when: by
// default (expose = "files") they can read it, as Batch has it.
func TestKeylessIsDecryptOnly(t *testing.T) {
	check := func(name, paragraph string) {
		if found := keyless.FindString(paragraph); found != "" && !strings.Contains(paragraph, "decrypt-only") {
			t.Errorf("%s says %q, which is so with expose = \"decrypt-only\" alone:\n%s", name, found, paragraph)
		}
	}
	for _, name := range documents(t) {
		for paragraph := range strings.SplitSeq(readDocument(t, name).prose, "\n\n") {
			check(name, paragraph)
		}
	}
	const picture = "docs/images/flow.svg"
	text, err := os.ReadFile("../../" + picture)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "keeps the key") {
		t.Errorf("%s says that the agent keeps the key", picture)
	}
	for line := range strings.Lines(string(text)) {
		check(picture, line)
	}
	if !keyless.MatchString("The task opens it,\nand never holds\nthe private key.") {
		t.Error("what README.md once said is not found")
	}
}
