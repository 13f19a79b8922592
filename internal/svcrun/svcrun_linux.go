package svcrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"poolcert/internal/securefile"
)

// A layout says where systemd has its things. Tests have another one.
type layout struct {
	running   string   // exists while systemd runs
	own       string   // units that an administrator makes
	packaged  []string // units that packages bring
	systemctl string
}

var system = layout{
	running:   "/run/systemd/system",
	own:       "/etc/systemd/system",
	packaged:  []string{"/usr/lib/systemd/system", "/lib/systemd/system"},
	systemctl: "systemctl",
}

func (s *Service) install(ctx context.Context) error {
	if err := checkProgram(s.Program); err != nil {
		return err
	}
	return s.installTo(ctx, system)
}

func (s *Service) uninstall(ctx context.Context) error { return s.uninstallFrom(ctx, system) }
func (s *Service) control(ctx context.Context, verb string) error {
	return s.controlIn(ctx, system, verb)
}

func (s *Service) run(ctx context.Context, work func(context.Context, *Host) error) error {
	return inConsole(ctx, work)
}

// madeBy is the first line of units that Install makes.
func (s *Service) madeBy() string {
	return "# Made by '" + filepath.Base(s.Program) + " install'. Change it with 'systemctl edit'.\n"
}

func (s *Service) file() string { return s.Name + ".service" }

// installTo writes the unit and enables it. A unit of a package is enabled as it
// is, if the command line is the one that it has.
func (s *Service) installTo(ctx context.Context, l layout) error {
	if err := l.check(); err != nil {
		return err
	}
	text, err := s.unit()
	if err != nil {
		return err
	}
	for _, dir := range l.packaged {
		switch have, err := os.ReadFile(filepath.Join(dir, s.file())); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case strings.TrimPrefix(text, s.madeBy()) == string(have):
			return l.do(ctx, "enable", s.file())
		default:
			return fmt.Errorf("%s: %w", filepath.Join(dir, s.file()), ErrForeign)
		}
	}
	path := filepath.Join(l.own, s.file())
	old, err := s.readOwn(path)
	if err != nil && !errors.Is(err, ErrNotInstalled) {
		return err
	}
	if err := securefile.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write unit: %w", err)
	}
	err = l.do(ctx, "daemon-reload")
	if err == nil {
		err = l.do(ctx, "enable", s.file())
	}
	if err == nil {
		return nil
	}
	if old == nil {
		err = errors.Join(err, os.Remove(path))
	} else {
		err = errors.Join(err, securefile.WriteFile(path, old, 0o644))
	}
	return errors.Join(err, l.do(context.WithoutCancel(ctx), "daemon-reload"))
}

// readOwn reads a unit that Install made.
func (s *Service) readOwn(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotInstalled
	case err != nil:
		return nil, err
	case !bytes.HasPrefix(data, []byte(s.madeBy())):
		return nil, fmt.Errorf("%s: %w", path, ErrForeign)
	}
	return data, nil
}

func (s *Service) uninstallFrom(ctx context.Context, l layout) error {
	if err := l.check(); err != nil {
		return err
	}
	path := filepath.Join(l.own, s.file())
	if _, err := s.readOwn(path); err != nil {
		return err
	}
	if err := l.do(ctx, "disable", "--now", s.file()); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove unit: %w", err)
	}
	return l.do(ctx, "daemon-reload")
}

func (s *Service) controlIn(ctx context.Context, l layout, verb string) error {
	if err := l.check(); err != nil {
		return err
	}
	for _, dir := range append([]string{l.own}, l.packaged...) {
		if _, err := os.Stat(filepath.Join(dir, s.file())); err == nil {
			return l.do(ctx, verb, s.file())
		}
	}
	return ErrNotInstalled
}

// check refuses a system that does not run systemd, whatever is installed there.
func (l *layout) check() error {
	if fi, err := os.Stat(l.running); err != nil || !fi.IsDir() {
		return ErrPlatform
	}
	return nil
}

// do runs systemctl.
func (l *layout) do(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, l.systemctl, append([]string{"--no-ask-password"}, args...)...)
	out, err := cmd.CombinedOutput()
	if text := strings.TrimSpace(string(out)); err != nil && text != "" {
		return fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, text)
	}
	if err != nil {
		return fmt.Errorf("systemctl %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// unit returns the unit's text with this command line.
func (s *Service) unit() (string, error) {
	words := []string{quote(s.Program)}
	for _, arg := range s.Args {
		words = append(words, quote(arg))
	}
	var b strings.Builder
	b.WriteString(s.madeBy())
	found := false
	for line := range strings.Lines(s.Unit) {
		if strings.HasPrefix(line, "ExecStart="+s.UnitProgram+" ") {
			line, found = "ExecStart="+strings.Join(words, " ")+"\n", true
		}
		b.WriteString(line)
	}
	if !found {
		return "", fmt.Errorf("the unit has no line ExecStart=%s", s.UnitProgram)
	}
	return b.String(), nil
}

// quote makes text one word of a command line in a unit.
func quote(text string) string {
	text = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text)
	if text == "" || strings.ContainsAny(text, " \t'\"\\;") {
		return `"` + text + `"`
	}
	return text
}
