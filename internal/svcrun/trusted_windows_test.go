//go:build !winetest

package svcrun

import (
	"errors"
	"os"
	"testing"
)

// Programs that are released trust no account beside the system and the administrators.
func TestReleased(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := checkProgram(program); !errors.Is(err, ErrOpenProgram) { // of whoever runs the test
		t.Errorf("%s: %v", program, err)
	}
}
