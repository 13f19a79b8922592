package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestReadSecretLine(t *testing.T) {
	for keys, want := range map[string]string{
		"pass word\r": "pass word", "pass\nmore": "pass", "": "", "\x04": "", "ab\x04c\r": "abc",
		"wrong\x15right\r": "right", "ab\x7fc\r": "ac", "é\x7fe\b\b\bf\r": "f", "no end": "no end",
	} {
		if got, err := readSecret(strings.NewReader(keys)); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", keys, got, err, want)
		}
	}
	if _, err := readSecret(strings.NewReader("pa\x03ss\r")); !errors.Is(err, context.Canceled) {
		t.Errorf("Ctrl-C: %v, want an interruption", err)
	}
	if _, err := readSecret(strings.NewReader(strings.Repeat("x", maxSecret+1))); err == nil {
		t.Error("an endless line is accepted")
	}
}
