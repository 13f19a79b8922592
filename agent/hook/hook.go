// Package hook runs an operator's programs when the set of certificates on a node
// changes, such as to have a web server read its certificate again.
//
// Call [Hook.Check] on what was configured, then [New] and [Runner.Run], which
// blocks; give it each installed set by [Runner.Set].
//
// Promises. A hook runs after the change, and hears of each change at least once:
// changes that come while it waits or runs are told together, what it was told
// last is remembered over restarts, and a failure is tried again [MaxAttempts]
// times in all, then with the next change. Hooks run one after the other, in the
// order of the configuration; one that fails holds up no other. No hook gets a
// key, a password, a shell, or more of the agent's environment than package docs
// of [Change] say. What it leaves running when its time is up is killed with it.
//
// Do not rely on a run for each change, nor on a run after a reboot: a set that
// is installed again as it was is no change.
package hook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"poolcert/batch"
)

// Limits of hooks.
const (
	DefaultTimeout = 30 * time.Second
	MaxTimeout     = time.Hour
	MaxHooks       = 20
	MaxAttempts    = 5 // runs for one change
)

// A Hook is one table [[hook]] of the agent's configuration.
type Hook struct {
	// Name is what status and logs call it; without one, what it runs.
	Name string `toml:"name"`

	// Command is a program, by its absolute path, with its arguments. No shell
	// reads it.
	Command []string `toml:"command"`

	// Systemctl takes the place of Command: "reload nginx.service". The verbs are
	// reload, restart, try-restart and reload-or-restart. Not on Windows.
	Systemctl string `toml:"systemctl"`

	// User is whom the program runs as, with that user's groups; without one, the
	// agent's own user, and always so on Windows.
	User string `toml:"user"`

	Timeout time.Duration `toml:"timeout"` // "1s" to "1h", default "30s"

	// On lists what it hears of; without it, of all.
	On []Event `toml:"on"`

	// Certificates limits it to these: thumbprints, or patterns of the subject's
	// common name, such as "*.example.org". Without it, to none.
	Certificates []string `toml:"certificates"`

	// Names, in place of Certificates, has it hear of names: exact ones, or patterns,
	// without regard to letter case. A name is installed when it comes, changed when
	// it stands for another certificate, and removed when it goes. Of certificates
	// that are there beside the current one, for old secrets, the hook hears nothing.
	Names []string `toml:"names"`

	// Visibility limits it to certificates with one of these.
	Visibility []batch.Visibility `toml:"visibility"`
}

// An Event is what happened to a certificate.
type Event string

// The events. A renewed certificate is another one: it is installed, and the old
// one is removed; to a hook with Names it is a change of the name.
const (
	Installed Event = "installed" // it was not on the node before
	Removed   Event = "removed"
	Changed   Event = "changed" // its visibility, its Windows store, its name or whether that stands for it
)

// An Error is a mistake in the configuration of a hook.
type Error struct {
	Key string // such as "command"
	Err error
}

func (e *Error) Error() string { return e.Key + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func mistake(key, format string, args ...any) error { return &Error{key, fmt.Errorf(format, args...)} }

var verbs = []string{"reload", "restart", "try-restart", "reload-or-restart"}

// Check returns an [*Error] for what can't work on any node of this system. It looks at
// no files.
func (h *Hook) Check() error {
	switch {
	case len(h.Command) == 0 && h.Systemctl == "":
		return mistake("command", `missing: give a program with its arguments, such as ["/usr/local/bin/deploy"], or systemctl = "reload nginx.service"`)
	case len(h.Command) > 0 && h.Systemctl != "":
		return mistake("systemctl", "a hook has a command or systemctl, not both")
	case h.Systemctl != "" && h.User != "":
		return mistake("user", "systemctl runs as the agent's own user")
	case len(h.Command) > 0 && !filepath.IsAbs(h.Command[0]):
		return mistake("command", "%q is not an absolute path", h.Command[0])
	case h.Timeout != 0 && (h.Timeout < time.Second || h.Timeout > MaxTimeout):
		return mistake("timeout", `want 1s to 1h, such as "30s"`)
	case len(h.Name) > 64:
		return mistake("name", "has more than 64 characters")
	}
	for _, text := range append([]string{h.Name, h.User}, h.Command...) {
		if strings.ContainsAny(text, "\x00\n") {
			return mistake("command", "%q has a line break or a zero byte", text)
		}
	}
	if err := h.checkSystem(); err != nil {
		return err
	}
	if h.Systemctl != "" {
		if err := checkSystemctl(h.Systemctl); err != nil {
			return &Error{"systemctl", err}
		}
	}
	for _, e := range h.On {
		if e != Installed && e != Removed && e != Changed {
			return mistake("on", "%q is none of installed, removed, changed", e)
		}
	}
	for _, v := range h.Visibility {
		if !slices.Contains(batch.Visibilities(), v) {
			return mistake("visibility", "%q is none of starttask, task, remoteuser", v)
		}
	}
	if len(h.Certificates) > 0 && len(h.Names) > 0 {
		return mistake("names", "a hook has certificates or names, not both; make it two hooks")
	}
	for _, pattern := range h.Names {
		if !isNamePattern(pattern) {
			return mistake("names", "%q is neither a name of certificates nor a pattern such as \"storage-*\"", pattern)
		}
	}
	for _, pattern := range h.Certificates {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return mistake("certificates", "%q is neither a thumbprint nor a pattern", pattern)
		}
	}
	return nil
}

// isNamePattern tells whether a name can match. A thumbprint is no name.
func isNamePattern(pattern string) bool {
	if strings.ContainsAny(pattern, `*?[`) {
		_, err := path.Match(pattern, "")
		return err == nil
	}
	_, err := batch.ParseCertificateName(pattern)
	return err == nil
}

func checkSystemctl(text string) error {
	verb, unit, _ := strings.Cut(text, " ")
	switch {
	case !slices.Contains(verbs, verb):
		return fmt.Errorf("%q is none of %s", verb, strings.Join(verbs, ", "))
	case !isUnit(unit):
		return fmt.Errorf("%q is not the name of one unit, such as nginx.service", unit)
	}
	return nil
}

// isUnit tells whether systemctl takes name for one unit with its type, and not
// for an option, a pattern or a path.
func isUnit(name string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.@\\-"
	dot := strings.LastIndexByte(name, '.')
	return dot > 0 && dot < len(name)-1 && len(name) < 256 && name[0] != '-' && strings.Trim(name, allowed) == ""
}

// Label returns what to call the hook.
func (h *Hook) Label() string {
	switch {
	case h.Name != "":
		return h.Name
	case h.Systemctl != "":
		return h.Systemctl
	case len(h.Command) > 0:
		return filepath.Base(h.Command[0])
	}
	return ""
}

// Argv returns the program and its arguments.
func (h *Hook) Argv() []string {
	if h.Systemctl == "" {
		return h.Command
	}
	verb, unit, _ := strings.Cut(h.Systemctl, " ")
	return []string{systemctl(), "--no-ask-password", verb, unit}
}

func (h *Hook) timeout() time.Duration {
	if h.Timeout == 0 {
		return DefaultTimeout
	}
	return h.Timeout
}

// id names what the hook does: a hook that is changed is another one, which has
// heard of nothing yet.
func (h *Hook) id() string {
	data, err := json.Marshal([]any{h.Command, h.Systemctl, h.User, h.On, h.Certificates, h.Names, h.Visibility})
	if err != nil {
		panic(err) // strings only
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// CheckAll checks each hook, and returns the mistake and the index of the first
// that has one.
func CheckAll(hooks []Hook) (int, error) {
	ids := make(map[string]bool)
	for i := range hooks {
		if ids[hooks[i].id()] {
			return i, mistake("command", "another hook does the same")
		}
		ids[hooks[i].id()] = true
		if i == MaxHooks {
			return i, mistake("command", "there are more than %d hooks", MaxHooks)
		}
		if err := hooks[i].Check(); err != nil {
			return i, err
		}
	}
	return 0, nil
}
