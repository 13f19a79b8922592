package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
	"poolcert/internal/pfx"
)

// maxPasswordFile bounds a file whose first line is a password.
const maxPasswordFile = 4096

// pfxPassword returns the password of --password-file. Without that it is empty
// if that opens the file, else it is asked for on the terminal.
func pfxPassword(cmd *cobra.Command, data []byte, passwordFile string) (password batch.Password, asked bool, err error) {
	if passwordFile != "" {
		password, err := readPassword(cmd, passwordFile)
		return batch.Password(password), false, err
	}
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !cli.IsTerminal(in) {
		return "", false, nil
	}
	if _, err := pfx.Decode(cmd.Context(), data, "", pfx.Options{}); !errors.Is(err, pfx.ErrPassword) {
		return "", false, nil
	}
	typed, err := cli.ReadSecret(cmd.Context(), in, cmd.ErrOrStderr(), "Password of the PFX: ")
	return batch.Password(typed), true, err
}

// hintPassword adds to a wrong password what a person can do: it depends on where
// the password came from.
func hintPassword(err error, passwordFile string, asked bool) error {
	switch {
	case !errors.Is(err, pfx.ErrPassword):
		return err
	case passwordFile != "":
		return cli.Hint(err, "the first line of %s (--password-file) is the password; check for a space at its end, or another keyboard layout", cli.Text(passwordFile))
	case asked:
		return cli.Hint(err, "type it again; check Caps Lock and the keyboard layout")
	}
	return cli.Hint(err, "the file has a password; give it with --password-file")
}

// readPassword returns the first line of a file in UTF-8, or of standard input for
// "-".
func readPassword(cmd *cobra.Command, path string) (string, error) {
	line, err := readFirstLine(cmd, path)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	const plain = "save it as plain UTF-8 without a byte order mark (Notepad: \"Save as\", encoding UTF-8)"
	switch {
	case strings.HasPrefix(line, "\xef\xbb\xbf"):
		return "", cli.Hint(fmt.Errorf("password file %s begins with a byte order mark", path), plain)
	case strings.HasPrefix(line, "\xff\xfe"), strings.HasPrefix(line, "\xfe\xff"), strings.Contains(line, "\x00"):
		return "", cli.Hint(fmt.Errorf("password file %s is in UTF-16", path), plain)
	case !utf8.ValidString(line):
		return "", cli.Hint(fmt.Errorf("password file %s is not in UTF-8", path), plain)
	}
	return line, nil
}

func readFirstLine(cmd *cobra.Command, path string) (string, error) {
	var data []byte
	var err error
	if path == "-" {
		data, err = io.ReadAll(io.LimitReader(cli.Input(cmd.Context(), cmd.InOrStdin()), maxPasswordFile))
	} else {
		data, err = readFileLimited(path, maxPasswordFile)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r"))), err
}
