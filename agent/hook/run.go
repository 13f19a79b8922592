package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// An Account is whom a hook runs as.
type Account struct {
	Name     string
	Home     string
	UID, GID uint32
	Groups   []uint32 // supplementary ones
}

// leftoverTime is how long a program that has ended may leave its output open, in
// the hands of what it has started.
const leftoverTime = 2 * time.Second

// An attempt is what came of one run.
type attempt struct {
	exit   int // -1: it did not end by itself
	output string
	err    error // nil: it went well
}

// execute runs h for c, as a if that is not nil. It ends with ctx, or when the
// time is up; then all that it started is killed, too.
func (h *Hook) execute(ctx context.Context, c *Change, a *Account) attempt {
	timeout := h.timeout()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("it took longer than %v, and was killed", timeout))
	defer cancel()
	argv := h.Argv()
	stdin, err := json.Marshal(c)
	if err != nil {
		return attempt{exit: -1, err: err}
	}
	output := &tail{}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = neutralFolder()
	base, err := baseEnvironment(a)
	if err != nil {
		return attempt{exit: -1, err: err}
	}
	cmd.Env = append(base, c.environment()...)
	cmd.Stdin = bytes.NewReader(append(stdin, '\n'))
	cmd.Stdout, cmd.Stderr = output, output // one writer: no two copies at a time
	cmd.WaitDelay = leftoverTime
	err = runIsolated(cmd, a)
	exit := -1
	if cmd.ProcessState != nil {
		exit = cmd.ProcessState.ExitCode()
	}
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil && exit != 0:
		err, exit = context.Cause(ctx), -1
	case errors.Is(err, exec.ErrWaitDelay) && exit == 0: // it left something running
		err = nil
	case errors.As(err, &ended) && exit >= 0:
		err = fmt.Errorf("it ended with exit code %d", exit)
	case errors.As(err, &ended):
		err = fmt.Errorf("it ended by %s", ended)
	}
	return attempt{exit, output.String(), err}
}

// environment returns the variables that tell of the change. See Change.
func (c *Change) environment() []string {
	return []string{
		"POOLCERT_HOOK=" + c.Hook,
		"POOLCERT_ATTEMPT=" + strconv.Itoa(c.Attempt),
		"POOLCERT_REVISION=" + c.Revision,
		"POOLCERT_ACCOUNT=" + c.Account,
		"POOLCERT_POOL=" + c.Pool,
		"POOLCERT_NODE=" + c.Node,
		"POOLCERT_CERTIFICATES_DIR=" + c.CertificatesDir,
		"POOLCERT_INSTALLED=" + thumbprints(c.Installed),
		"POOLCERT_REMOVED=" + thumbprints(c.Removed),
		"POOLCERT_CHANGED=" + thumbprints(c.Changed),
		"POOLCERT_NAMES=" + c.names(),
	}
}

func thumbprints(list []Certificate) string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.Thumbprint.String()
	}
	return strings.Join(names, " ")
}
