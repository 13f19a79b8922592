package account

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"poolcert/account/db"
)

// Limits of a command that prints master keys.
const (
	keyCommandTimeout = 30 * time.Second
	keyCommandGrace   = time.Second // to end, once it was told
	maxKeyCommandText = 1 << 10     // of what it says of its failure
)

// ErrCredential is wrapped, beside [ErrMasterKey], when the service manager has given
// no credential of that name.
var ErrCredential = errors.New("no such credential")

// ErrRotated is returned by [SealAgain] when there is nothing to do.
var ErrRotated = errors.New("the database is sealed with the first key already")

// OpenCredential reads master keys from a credential of systemd: a file in the
// directory that $CREDENTIALS_DIRECTORY names. It must be readable by its owner and
// its group at most, who are protected by the directory, and belong to root or to
// this process. Its form is that of a keyring's file.
func OpenCredential(name string) (*Keyring, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, fmt.Errorf("%w: %w: CREDENTIALS_DIRECTORY is not set", ErrMasterKey, ErrCredential)
	}
	if !filepath.IsAbs(dir) || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return nil, fmt.Errorf("%w: credential %q: not a name of a file in a directory", ErrMasterKey, clip(name, 64))
	}
	text, err := readCredential(dir, name)
	defer clear(text)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w: %s", ErrMasterKey, ErrCredential, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: credential %s: %w", ErrMasterKey, name, err)
	}
	r, err := parseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("%w: credential %s: %w", ErrMasterKey, name, err)
	}
	return r, nil
}

func readCredential(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait
		return nil, errors.New("not a regular file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	folder, err := root.Stat(".")
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := checkCredential(folder, info); err != nil {
		return nil, err
	}
	return readKeys(f)
}

// readKeys reads what may be no longer than a keyring's file.
func readKeys(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxKeyringFile+1))
	if err == nil && len(text) > maxKeyringFile {
		err = fmt.Errorf("longer than %d bytes", maxKeyringFile)
	}
	return text, err
}

// RunKeyCommand reads master keys from the output of a command, whose form is that
// of a keyring's file. The program is named by its absolute path and runs without a
// shell, with nothing to read; as is an option, such as [AsUser]. It has 30 s.
// What it prints is never in an error; the end of what it says on standard error is.
func RunKeyCommand(ctx context.Context, argv []string, as ...func(*exec.Cmd)) (*Keyring, error) {
	if len(argv) == 0 || !filepath.IsAbs(argv[0]) {
		return nil, fmt.Errorf("%w: the command that prints it must be named by its absolute path", ErrMasterKey)
	}
	ctx, cancel := context.WithTimeout(ctx, keyCommandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = keyCommandGrace
	cmd.Dir = string(filepath.Separator)
	out, said := &boundedBuffer{limit: maxKeyringFile}, &tailBuffer{limit: maxKeyCommandText}
	defer func() { clear(out.data[:cap(out.data)]) }()
	cmd.Stdout, cmd.Stderr = out, said
	endWhole(cmd)
	for _, option := range as {
		option(cmd)
	}
	err := cmd.Run()
	switch {
	case out.over:
		err = fmt.Errorf("it printed more than %d bytes", maxKeyringFile)
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("it did not end within %v", keyCommandTimeout)
	case err != nil && len(said.data) > 0:
		err = fmt.Errorf("%w: %s", err, said.text())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: run %s: %w", ErrMasterKey, argv[0], err)
	}
	r, err := parseKeyring(out.data)
	if err != nil {
		return nil, fmt.Errorf("%w: output of %s: %w", ErrMasterKey, argv[0], err)
	}
	return r, nil
}

// A boundedBuffer takes no more than its limit.
type boundedBuffer struct {
	limit int
	data  []byte
	over  bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if len(b.data)+len(p) > b.limit {
		b.over = true
		return 0, errors.New("too much output")
	}
	if b.data == nil {
		b.data = make([]byte, 0, b.limit) // never moved, so that all of it can be cleared
	}
	b.data = append(b.data, p...)
	return len(p), nil
}

// A tailBuffer keeps the end of what it is given.
type tailBuffer struct {
	limit int
	data  []byte
	cut   bool // there was more before
}

func (b *tailBuffer) Write(p []byte) (int, error) {
	b.cut = b.cut || len(b.data)+len(p) > b.limit
	b.data = append(b.data, p[max(0, len(p)-b.limit):]...)
	b.data = b.data[max(0, len(b.data)-b.limit):]
	return len(p), nil
}

// text is on one line. A key that is in it is left out, and so is the rest of a word
// whose beginning is gone: it may be that of a key.
func (b *tailBuffer) text() string {
	text := strings.ToValidUTF8(string(b.data), "?")
	if b.cut {
		text = text[strings.IndexFunc(text+" ", unicode.IsSpace):]
	}
	words := strings.Fields(text)
	for i, word := range words {
		if strings.Contains(word, masterKeyPrefix) {
			words[i] = "[hidden]"
		}
	}
	return strings.Join(words, " ")
}

// NewKeyLine returns a new master key as a line of a keyring's file, for keyrings
// that are kept elsewhere.
func NewKeyLine() []byte { return []byte(newKeyLine()) }

// SealAgain seals the database's data keys with the first key of a keyring that is
// kept elsewhere than in a file, and returns that key's id. Running services go on.
// To rotate, put a new key before the others there first. The error is [ErrRotated]
// when the database is sealed with the first key already.
func SealAgain(ctx context.Context, d *db.DB, ring *Keyring) (id string, err error) {
	if _, err := openSealer(ctx, d, ring, new(counters)); err != nil {
		return "", err
	}
	used, err := usedMasterKeys(ctx, d)
	if err != nil {
		return "", err
	}
	first := ring.keys[0].id
	if !containsOther(used, first) {
		return "", fmt.Errorf("rotate to master key %s: %w", first, ErrRotated)
	}
	if err := sealDataKeys(ctx, d, ring); err != nil {
		return "", fmt.Errorf("seal with the master key %s: %w", first, err)
	}
	return first, nil
}

func containsOther(ids []string, id string) bool {
	for _, other := range ids {
		if other != id {
			return true
		}
	}
	return false
}
