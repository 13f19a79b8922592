package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"poolcert/internal/cli"
)

// Who is not root hears that another user's folder takes root.
func TestTaskEnvForAnotherUser(t *testing.T) {
	err := explainTaskEnv(fmt.Errorf("make /tmp/task/certs: act as uid 0: %w", syscall.EPERM))
	if got, want := cli.HintOf(err), "only "+superuser+" makes a folder for another user"; !strings.Contains(got, want) {
		t.Errorf("hint %q, want %q", got, want)
	}
}
