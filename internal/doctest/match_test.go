package doctest

import (
	"regexp"
	"strings"
	"testing"
)

// fails reports whether the document shows the command to fail.
func (s step) fails() bool {
	for _, line := range s.want {
		if regexp.MustCompile(`^(poolcert(-agent|-server)?: error: |Error response)`).MatchString(line) {
			return true
		}
	}
	return false
}

// volatile is what differs from run to run, with what stands for it.
var volatile = []struct {
	what *regexp.Regexp
	name string
}{
	{regexp.MustCompile(`\b[0-9a-f]{40}\b`), "THUMBPRINT"},
	{regexp.MustCompile(`\b[0-9a-zA-Z+/]{86}==`), "ACCOUNTKEY"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?`), "TIME"},
	{regexp.MustCompile(`\bn(ode)?(\d)-[0-9a-f]{10}\b`), "n$1$2-NODE"},
	{regexp.MustCompile(`\b([ug]id"?[ :])\d+`), "${1}N"},
	{regexp.MustCompile(`/tmp/tmp\.\w+`), "TEMP"},
}

func canonical(line string) string {
	for _, v := range volatile {
		line = v.what.ReplaceAllString(line, v.name)
	}
	return strings.TrimRight(line, " ")
}

// matches reports whether a command printed what is wanted.
func matches(want []string, got string) bool {
	var pattern strings.Builder
	pattern.WriteString(`\A`)
	for _, line := range want {
		if strings.TrimSpace(line) == "..." {
			pattern.WriteString(`(?:.*\n)*?`)
			continue
		}
		parts := strings.Split(canonical(line), "...")
		for i, part := range parts {
			// The width of columns depends on what is in them.
			parts[i] = regexp.MustCompile(` {2,}`).ReplaceAllString(regexp.QuoteMeta(part), ` +`)
		}
		pattern.WriteString(strings.Join(parts, ".*") + `\n`)
	}
	pattern.WriteString(`\z`)
	var text strings.Builder
	for line := range strings.Lines(got) {
		text.WriteString(canonical(strings.TrimSuffix(line, "\n")) + "\n")
	}
	return regexp.MustCompile(pattern.String()).MatchString(text.String())
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		want, got string
		ok        bool
	}{
		{"a", "a\n", true},
		{"a", "a", true},
		{"a", "b\n", false},
		{"a", "a\nb\n", false},
		{"a b", "a  b\n", false},
		{"a   b", "a  b\n", true},
		{"a...", "abc\n", true},
		{"...\nc", "a\nb\nc\n", true},
		{"...\nc", "a\nb\nc\nd\n", false},
		{"x c88dec22d70754bf2a230c67481695f4267e560d", "x 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b\n", true},
		{"x c88dec22d70754bf2a230c67481695f4267e560d", "x 9f86\n", false},
		{"at 2026-01-02 03:04:05Z", "at 2027-11-12 13:14:15Z\n", true},
	} {
		if got := matches(strings.Split(test.want, "\n"), test.got); got != test.ok {
			t.Errorf("matches(%q, %q) = %v", test.want, test.got, got)
		}
	}
}
