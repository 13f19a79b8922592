//go:build !linux

package pgtest

import (
	"os"
	"os/exec"
)

// Elsewhere, whoever runs the tests is the server's user.

var crashSignal = os.Kill

func giveAway(string) error { return nil }

func asServer(*exec.Cmd) {}
