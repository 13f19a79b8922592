package main

import (
	"testing"

	"poolcert/internal/cli/clitest"
)

func TestHelp(t *testing.T) { clitest.Help(t, newRoot()) }
