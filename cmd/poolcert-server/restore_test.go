package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"poolcert/account/db"
	"poolcert/internal/cli"
)

// Not all that keeps a backup from opening is its own fault.
func TestHintsOfRestore(t *testing.T) {
	for want, cause := range map[string]error{
		"install a poolcert-server at least as new": db.ErrNewer,
		"make space on the disk":                    db.ErrDisk,
		"is it a file that 'poolcert-server backup": errors.New("file is not a database"),
	} {
		err := explain(explainBackup(fmt.Errorf("read backup b: %w", cause)), "data")
		if hint := cli.HintOf(err); !strings.Contains(hint, want) {
			t.Errorf("%v: hint %q, want %q", cause, hint, want)
		}
	}
}
