//go:build !windows

package osuser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// answerLine is how much of an answer is read, in bytes; a group's line may be very long.
const answerLine = 4096

var errNoName = errors.New("no such name")

// getent returns the fields of the name's line, as passwd(5) and group(5) have them.
func getent(database, name string) ([]string, error) {
	line, err := getentLine(database, name)
	if err != nil {
		return nil, err
	}
	fields := strings.Split(line, ":")
	if len(fields) < 4 {
		return nil, errors.New("ask the name services: an answer that is none")
	}
	if _, err := number(fields[2]); err != nil {
		return nil, err
	}
	return fields, nil
}

// initgroups returns the numbers of a user's groups.
func initgroups(name string) ([]string, error) {
	line, err := getentLine("initgroups", name)
	if err != nil {
		return nil, err
	}
	if len(line) == answerLine {
		return nil, errors.New("ask the name services: too many groups")
	}
	return strings.Fields(line)[1:], nil // the first is the name
}

// getentLine returns the beginning of the first line that is answered.
func getentLine(database, name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	path, err := exec.LookPath("getent")
	if err != nil {
		return "", errNoName // this system has its files, and nothing else
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	out := &firstLine{enough: cancel}
	cmd := exec.CommandContext(ctx, path, database, name)
	cmd.Stdout = out
	cmd.WaitDelay = 100 * time.Millisecond // for what it has started, and leaves behind
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case len(out.text) > 0:
		return string(out.text), nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "", errNoReply
	case errors.As(err, &exit) && exit.ExitCode() == 2:
		return "", errNoName
	case err != nil:
		return "", fmt.Errorf("ask the name services: %w", err)
	}
	return "", errNoName
}

// A firstLine keeps the beginning of the first line that is written to it.
type firstLine struct {
	text   []byte
	enough func() // called when there is no more to keep
}

func (l *firstLine) Write(p []byte) (int, error) {
	line, _, ended := bytes.Cut(p, []byte("\n"))
	l.text = append(l.text, line[:min(len(line), answerLine-len(l.text))]...)
	if ended || len(l.text) == answerLine {
		l.enough()
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}
