package agent

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"poolcert/batch"
	"poolcert/store"
)

// An OwnerConfig says whom the files of a visibility belong to, who else may read
// them, and what they are. Users and groups go by name or by number as text;
// names are looked up in the system's files, then by getent.
type OwnerConfig struct {
	User  string `toml:"user"`  // default: the agent's own user, which should be root
	Group string `toml:"group"` // default: poolcert-task, root for start tasks, poolcert-remoteuser

	// Mode is that of the files, as text: "0440" (default), or "0400", "0600",
	// "0640". A folder can be listed by who may read its files.
	Mode string `toml:"mode"`

	// ACL lists others who may read, such as ["u:nginx:r", "g:web:r"]. The file
	// system must have access control lists, as tmpfs has.
	ACL []string `toml:"acl"`

	// Formats are the files of each certificate; see the same key of Config.
	Formats []store.FileFormat `toml:"formats"` // default: those of the whole configuration

	Expose Expose `toml:"expose"` // default: the one of the whole configuration
}

// checkOwners refuses what cannot be, and names its key.
func (c *Config) checkOwners() error {
	if err := checkFormats("formats", c.Formats); err != nil {
		return err
	}
	for _, v := range batch.Visibilities() {
		o := c.Owners.For(v)
		key := "owners." + string(v)
		for _, name := range []struct{ key, value string }{{"user", o.User}, {"group", o.Group}} {
			if err := checkName(name.value); name.value != "" && err != nil {
				return fmt.Errorf("%s.%s: %w", key, name.key, err)
			}
		}
		if _, err := o.mode(); err != nil {
			return fmt.Errorf("%s.mode: %w", key, err)
		}
		for _, entry := range o.ACL {
			if _, _, err := splitACL(entry); err != nil {
				return fmt.Errorf("%s.acl: %w", key, err)
			}
		}
		if err := checkFormats(key+".formats", o.Formats); err != nil {
			return err
		}
	}
	return nil
}

func checkFormats(key string, formats []store.FileFormat) error {
	for i, f := range formats {
		switch {
		case f == "jks":
			return fmt.Errorf("%s: there is no jks: Java reads pfx, as keystore type PKCS12", key)
		case !slices.Contains(store.FileFormats(), f):
			return fmt.Errorf("%s: %q is none of pfx, cer, pem, key", key, string(f))
		case slices.Contains(formats[:i], f):
			return fmt.Errorf("%s: %s is there twice", key, f)
		}
	}
	if formats != nil && len(formats) == 0 {
		return fmt.Errorf("%s: an empty list; for no private keys in files, set expose = %q", key, string(ExposeDecryptOnly))
	}
	return nil
}

// formats returns the formats of each visibility.
func (c *Config) formats() map[batch.Visibility][]store.FileFormat {
	formats := make(map[batch.Visibility][]store.FileFormat)
	for _, v := range batch.Visibilities() {
		if f := c.Owners.For(v).Formats; f != nil {
			formats[v] = f
		} else if c.Formats != nil {
			formats[v] = c.Formats
		}
	}
	return formats
}

func (o *OwnerConfig) mode() (fs.FileMode, error) {
	mode, err := strconv.ParseUint(cmp.Or(o.Mode, "0440"), 8, 32)
	switch {
	case err != nil || mode&^0o777 != 0:
		return 0, fmt.Errorf("%q is no mode, such as \"0440\"", o.Mode)
	case mode&0o007 != 0:
		return 0, fmt.Errorf("%q opens private keys to everybody", o.Mode)
	case mode&^0o640 != 0 || mode&0o400 == 0:
		return 0, fmt.Errorf("%q is none of \"0400\", \"0440\", \"0600\", \"0640\"", o.Mode)
	}
	return fs.FileMode(mode), nil
}

// splitACL reads an entry such as "u:nginx:r".
func splitACL(entry string) (kind, name string, err error) {
	fields := strings.Split(entry, ":")
	if len(fields) != 3 || fields[2] != "r" {
		return "", "", fmt.Errorf("%q is no entry such as \"u:nginx:r\" or \"g:web:r\" (to read is all that there is)", entry)
	}
	switch fields[0] {
	case "u", "user":
		kind = "u"
	case "g", "group":
		kind = "g"
	default:
		return "", "", fmt.Errorf("%q begins with neither \"u:\" nor \"g:\"", entry)
	}
	if name = fields[1]; name == "" {
		return "", "", fmt.Errorf("%q names nobody", entry)
	}
	return kind, name, checkName(name)
}

// resolve looks the names up.
func (o *OwnerConfig) resolve() (store.Owner, error) {
	owner := store.Owner{UID: os.Geteuid(), GID: os.Getegid()}
	var errs []error
	find := func(name string, lookup func(string) (int, error)) int {
		id, err := lookup(name)
		errs = append(errs, err)
		return id
	}
	if o.User != "" {
		owner.UID = find(o.User, lookupUser)
	}
	if o.Group != "" {
		owner.GID = find(o.Group, lookupGroup)
	}
	var users, groups []int
	for _, entry := range o.ACL {
		kind, name, err := splitACL(entry)
		if err != nil {
			errs = append(errs, err)
		} else if kind == "u" {
			users = append(users, find(name, lookupUser))
		} else {
			groups = append(groups, find(name, lookupGroup))
		}
	}
	if o.Mode != "" {
		var err error
		owner.Mode, err = o.mode()
		errs = append(errs, err)
	}
	owner.ACL = store.NewACL(users, groups)
	return owner, errors.Join(errs...)
}

// resolveOwners looks the configured names up. A visibility whose user or group
// does not exist is left out, with an error that says so: only certificates with
// that visibility fail then.
func (c *Config) resolveOwners() (map[batch.Visibility]store.Owner, error) {
	owners := make(map[batch.Visibility]store.Owner)
	var errs []error
	for _, v := range batch.Visibilities() {
		owner, err := c.Owners.For(v).resolve()
		if err != nil {
			errs = append(errs, fmt.Errorf("owners.%s: %w", v, err))
			continue
		}
		owners[v] = owner
	}
	return owners, errors.Join(errs...)
}
