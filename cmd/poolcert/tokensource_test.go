package main

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestSplitCommand(t *testing.T) {
	for line, want := range map[string][]string{
		"az account get-access-token": {"az", "account", "get-access-token"},
		"  a \t b\n":                  {"a", "b"},
		`"C:\Program Files\x.exe" -a`: {`C:\Program Files\x.exe`, "-a"},
		`a 'b "c"' "d 'e'" f'g'h`:     {"a", `b "c"`, "d 'e'", "fgh"},
		`a ""`:                        {"a", ""},
		`echo $HOME;rm`:               {"echo", "$HOME;rm"}, // no shell
	} {
		if got, err := splitCommand(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{"", "  ", `""`, `a "b`, `a 'b`} {
		if got, err := splitCommand(line); err == nil {
			t.Errorf("%q is taken as %q", line, got)
		}
	}
}

func TestTokenExpiry(t *testing.T) {
	token := func(payload string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".e30"
	}
	end := time.Unix(2000000000, 0)
	if got := tokenExpiry(token(fmt.Sprintf(`{"exp": %d}`, end.Unix()))); !got.Equal(end) {
		t.Errorf("got %v, want %v", got, end)
	}
	for _, text := range []string{"", "opaque", "a.b.c", token("{}"), token(`{"exp": "x"}`), token("[]")} {
		if got := tokenExpiry(text); got.After(time.Now()) {
			t.Errorf("%q is good until %v", text, got)
		}
	}
}
