package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"poolcert/account"
	"poolcert/internal/cli"
)

// masterKey is the table [master_key]: where the master key is, if not in the data
// directory.
type masterKey struct {
	Credential string   `toml:"credential"`
	Command    []string `toml:"command"`
}

const masterKeyText = `
# Where the master key is, if it is not in master.key beside this file: in a credential
# of systemd, or in what a program prints. The program is named by its absolute path
# and runs without a shell, as the owner of this file. docs/operations.md tells how to
# move the key there, and how to rotate it.
# [master_key]
# credential = "poolcert-master-key"
# command = ["/usr/local/bin/vault", "kv", "get", "-field=key", "secret/poolcert"]
`

func (m masterKey) check() error {
	switch {
	case m.Credential != "" && m.Command != nil:
		return errors.New("master_key: give a credential or a command, not both")
	case m.Credential != "" && (filepath.Base(m.Credential) != m.Credential || !filepath.IsLocal(m.Credential)):
		return cli.Hint(fmt.Errorf("master_key: the credential %q is not a name", m.Credential), "name it as in the unit's LoadCredential= or LoadCredentialEncrypted=")
	case m.Command != nil && (len(m.Command) == 0 || !filepath.IsAbs(m.Command[0])):
		return cli.Hint(errors.New("master_key: the command has no absolute path"), "write it as [\"/path/to/program\", \"argument\", ...]; there is no shell")
	}
	return nil
}

// elsewhere tells that the key is not in a file that is ours to change.
func (m masterKey) elsewhere() bool { return m.Credential != "" || m.Command != nil }

// text names the place. Arguments may hold what is nobody's business.
func (m masterKey) text() string {
	switch {
	case m.Credential != "":
		return "credential " + m.Credential
	case m.Command != nil:
		return "command " + m.Command[0]
	}
	return masterName
}

func (m masterKey) open(ctx context.Context, dir string) (*account.Keyring, error) {
	switch {
	case m.Credential != "":
		keys, err := account.OpenCredential(m.Credential)
		if errors.Is(err, account.ErrCredential) {
			as := asService + " "
			if os.Geteuid() == 0 { // a command that stays root, such as backup
				as = ""
			}
			return nil, cli.Hint(err, "systemd gives it to the service's unit by LoadCredentialEncrypted=%s; a command gets it by: systemd-run --pipe --wait %s-p LoadCredentialEncrypted=%s poolcert-server ...", m.Credential, as, m.Credential)
		}
		return keys, cli.Hint(err, "the credential %s is to hold what was in master.key, and to be readable by the service alone", m.Credential)
	case m.Command != nil:
		as, err := keyCommandUser(configPath(dir))
		if err != nil {
			return nil, err
		}
		keys, err := account.RunKeyCommand(ctx, m.Command, as...)
		return keys, cli.Hint(err, "it is the command of [master_key] in %s; try it by hand as the user of the service: it is to print what was in master.key", configPath(dir))
	}
	path := filepath.Join(dir, masterName)
	if err := checkPrivate(path, "'poolcert-server key rotate' makes another key"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", account.ErrMasterKey, err)
	}
	return account.OpenKeyring(path)
}

// rotateElsewhere seals the database with the first of the keys that the operator
// has put in place.
func rotateElsewhere(ctx context.Context, d *data, m masterKey) (id string, err error) {
	id, err = account.SealAgain(ctx, d.db, d.keys)
	if errors.Is(err, account.ErrRotated) {
		return "", cli.Hint(fmt.Errorf("there is no new key in the %s", m.text()),
			"put a line from 'poolcert-server key new' before the others there, then run this again")
	}
	return id, err
}
