package mask

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// masked passes text through in pieces of n bytes.
func masked(t testing.TB, text string, n int, secrets ...string) string {
	t.Helper()
	var all [][]byte
	for _, s := range secrets {
		all = append(all, []byte(s))
	}
	r, err := New(all...)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := r.Writer(&out)
	for rest := []byte(text); len(rest) > 0; {
		piece := rest[:min(n, len(rest))]
		if k, err := w.Write(piece); k != len(piece) || err != nil {
			t.Fatal(k, err)
		}
		rest = rest[len(piece):]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWriter(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"nothing to hide\n", "nothing to hide\n"},
		{"the password is hunter42!\n", "the password is ***!\n"},
		{"hunter42", "***"},
		{"hunter42hunter42", "***"},
		{"hunter42 hunter42", "*** ***"},
		{"hunter4 hunter hunter42x", "hunter4 hunter ***x"},
		{"hunhunter42", "hun***"},
		{"aaaabaaaab!", "***!"},
		{"aaab aaaab aaaaab", "aaab *** a***"},
		{"line one is long, line two is too", "*** is long, *** is too"},
		{"[line one\r\nline two]", "[***\r\n***]"},
		{"x" + b64([]byte("hunter42")), "x***="},
		{"Basic " + b64([]byte("user:hunter42")), "Basic dXNlcjp***=="},
		{"a%2Fb+c%3Dd and a/b c=d", "*** and ***"},
		{`{"quoted": "say \"friend\""}`, `{"quoted": "***"}`},
		{"68756e7465723432", "***"},
	} {
		for _, n := range []int{1, 2, 3, 7, 1000} {
			got := masked(t, test.text, n, "hunter42", "aaaab", "line one\nline two\nx\n", "a/b c=d", `say "friend"`, "abc", "\n")
			if got != test.want {
				t.Errorf("%q in pieces of %d: %q, want %q", test.text, n, got, test.want)
			}
		}
	}
}

// Nothing is held back but what may be the beginning of a secret.
func TestWriterHoldsBackLittle(t *testing.T) {
	r, err := New([]byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := r.Writer(&out)
	for _, step := range []struct{ text, seen string }{
		{"Password: ", "Password: "}, {"sec", "Password: "}, {"ond", "Password: second"}, {" secre", "Password: second "}, {"t.", "Password: second ***."},
	} {
		fmt.Fprint(w, step.text)
		if out.String() != step.seen {
			t.Errorf("after %q: %q, want %q", step.text, out.String(), step.seen)
		}
	}
}

// A secret is found inside what may have become a longer one.
func TestSecretInSecret(t *testing.T) {
	for text, want := range map[string]string{"xhunter!": "x***!", "xhunter99!": "***!", "hunterhunter9": "***9", "xhunter9": "x***9"} {
		if got := masked(t, text, 3, "xhunter99", "hunter"); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTooLong(t *testing.T) {
	if _, err := New(bytes.Repeat([]byte("x"), maxForms)); !errors.Is(err, ErrTooLong) {
		t.Errorf("New: %v, want ErrTooLong", err)
	}
}

// Whatever is before and after it, and however it comes, a secret does not pass,
// and without one all does.
func FuzzWriter(f *testing.F) {
	f.Add("abab", "xx", "abaabab", 1)
	f.Add("secret", "sesecretcret", "", 3)
	f.Add("aaaaaa", "a", "aaaa", 2)
	f.Fuzz(func(t *testing.T, secret, before, after string, n int) {
		if len(secret) < MinLength || strings.ContainsAny(secret, "\r\n*") || strings.ContainsAny(before+after, "*") || n < 1 || len(secret) > 1000 {
			return
		}
		got := masked(t, before+secret+after, n, secret)
		if strings.Contains(got, secret) || !strings.Contains(got, replacement) {
			t.Errorf("%q", got)
		}
		if other := masked(t, before, n, secret); other != before && !strings.Contains(other, replacement) {
			t.Errorf("%q became %q", before, other)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	r, err := New([]byte("hunter42"), []byte(strings.Repeat("a line of a long key\n", 40)))
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(strings.Repeat("2026-11-23 16:00:00 INFO a line of a program's log, as there are many\n", 1000))
	w := r.Writer(new(bytes.Buffer))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		w.w = discard{}
		w.Write(text)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
