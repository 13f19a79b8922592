package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"

	"poolcert/internal/cli"
	"poolcert/internal/mask"
)

// maxMaskedFile is how much of a secret file is looked for in output.
const maxMaskedFile = 64 << 10

// mask runs the command, and hides the secrets in what it writes.
func (p *execPlan) mask(path string, args []string, stderr io.Writer) error {
	var secrets [][]byte
	for name, value := range p.values {
		if len(value) < mask.MinLength {
			fmt.Fprintf(stderr, "poolcert: %s the secret %s is too short to be hidden in output\n", cli.StyleOf(stderr).Yellow("warning:"), cli.Text(name))
		}
		secrets = append(secrets, value)
	}
	for i, f := range p.files {
		content := make([]byte, maxMaskedFile+1)
		n, err := f.ReadAt(content, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n > maxMaskedFile {
			fmt.Fprintf(stderr, "poolcert: %s the file %s is too long to be hidden in output\n", cli.StyleOf(stderr).Yellow("warning:"), p.sealedFiles[i].name)
			continue
		}
		secrets = append(secrets, content[:n])
	}
	r, err := mask.New(secrets...)
	if err != nil {
		return cli.Hint(err, "leave out --mask, or hand over less")
	}
	out, errs := r.Writer(os.Stdout), r.Writer(os.Stderr)
	if sameFile(os.Stdout, os.Stderr) {
		errs = out // so that their order stays
	}
	err = stay(path, args, p.environ(), p.files, out, errs)
	if closeErr := errors.Join(out.Close(), errs.Close()); err == nil && closeErr != nil {
		err = fmt.Errorf("write output: %w", closeErr)
	}
	return err
}

// stay runs the command, passes signals on, and ends with its exit code.
func stay(path string, args, env []string, files []*os.File, stdout, stderr io.Writer) error {
	cmd := &exec.Cmd{Path: path, Args: args, Env: env, Stdin: os.Stdin, Stdout: stdout, Stderr: stderr}
	signals := make(chan os.Signal, 16)
	notifyForwarded(signals)
	defer signal.Stop(signals)
	end, err := start(cmd, files)
	if err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	defer end()
	done := make(chan struct{})
	var forwarding sync.WaitGroup
	defer forwarding.Wait()
	defer close(done)
	forwarding.Go(func() {
		for {
			select {
			case s := <-signals:
				forward(cmd.Process, s)
			case <-done:
				return
			}
		}
	})
	err = cmd.Wait()
	if cmd.ProcessState == nil {
		return err
	}
	if code := exitCode(cmd.ProcessState); code != 0 {
		return cli.SilentExit(code)
	}
	return err
}

func sameFile(a, b *os.File) bool {
	aInfo, aErr := a.Stat()
	bInfo, bErr := b.Stat()
	return aErr == nil && bErr == nil && os.SameFile(aInfo, bInfo)
}
