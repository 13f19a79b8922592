package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"poolcert/internal/cli"
	"poolcert/internal/pfx"
)

// printed returns what the program prints for err.
func printed(t *testing.T, err error) string {
	var stderr bytes.Buffer
	cmd := &cobra.Command{Use: "poolcert", RunE: func(*cobra.Command, []string) error { return err }}
	cli.Main(t.Context(), cmd, nil, nil, nil, &stderr)
	return stderr.String()
}

// A file of too many rounds takes long to make; testdata has the other files.
func TestExplainLimit(t *testing.T) {
	err := fmt.Errorf("read PFX: %w", &pfx.LimitError{What: "rounds of key derivation", Max: 1})
	if got := printed(t, explainPFX(err, nil)); !strings.Contains(got, "hint: export it again with fewer rounds") {
		t.Errorf("printed %q", got)
	}
}
