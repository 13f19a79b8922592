package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "65536": 65536, "17B": 17, "64K": 64 << 10, "64KiB": 64 << 10, "64M": 64 << 20, "3GiB": 3 << 30, "2T": 2 << 40,
	} {
		var s Size
		if err := s.Set(text); err != nil || int64(s) != want {
			t.Errorf("%s: %d, %v; want %d", text, s, err, want)
		}
		var again Size
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%s: shown as %s, %v", text, s.String(), err)
		}
	}
	for _, text := range []string{"", "M", "-1", "1.5M", "64MB", "64Ki", "1X", "99999999T", "9223372036854775808", "1 M"} {
		var s Size
		if err := s.Set(text); err == nil {
			t.Errorf("%q: %d, want an error", text, s)
		}
	}
}

func TestExclusive(t *testing.T) {
	for args, want := range map[string]string{
		"": "", "--a": "", "--b --d": "", "--a --b": "--a and --b exclude each other", "--c --b": "--b and --c", "--c --d": "--c and --d",
	} {
		cmd := &cobra.Command{Use: "test", RunE: func(*cobra.Command, []string) error { return nil }}
		for _, name := range []string{"a", "b", "c", "d"} {
			cmd.Flags().Bool(name, false, "")
		}
		Exclusive(cmd, "a", "b", "c")
		Exclusive(cmd, "c", "d")
		var stderr bytes.Buffer
		code := Main(t.Context(), cmd, strings.Fields(args), strings.NewReader(""), io.Discard, &stderr)
		if wrong := want != ""; wrong != (code == ExitUsage) || !strings.Contains(stderr.String(), want) {
			t.Errorf("%q: exit code %d, %q; want %q", args, code, stderr.String(), want)
		}
	}
}

func TestRequired(t *testing.T) {
	for use, want := range map[string]string{
		"list":                               "",
		"show POOL NODE":                     "POOL NODE",
		"evict POOL NODE...":                 "POOL NODE",
		"decrypt [FILE]":                     "",
		"normalize FILE -o OUT":              "FILE",
		"rotate-key NAME primary|secondary":  "NAME primary|secondary",
		"set POOL (--cert REF... | --none)":  "POOL",
		"exec [--env A=B]... -- COMMAND [X]": "COMMAND",
		"show (THUMBPRINT | NAME) [--pem]":   "THUMBPRINT|NAME",
		"explain (MESSAGE | TEXT | NAME)":    "MESSAGE|TEXT|NAME",
	} {
		if got := strings.Join(required(use), " "); got != want {
			t.Errorf("%q: %q, want %q", use, got, want)
		}
	}
}
