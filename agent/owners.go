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
	"poolcert/internal/osuser"
	"poolcert/internal/sddl"
	"poolcert/store"
)

// An OwnerConfig says whom the files of a visibility belong to, who else may read
// them, and what they are. Users and groups go by name or by number as text;
// names are looked up in the system's files, then by getent. On Windows they go by
// name, such as 'DOMAIN\name', or by SID, and all who are named may read.
type OwnerConfig struct {
	User  string `toml:"user"`  // default: the agent's own user, which should be root; Windows: nobody
	Group string `toml:"group"` // default: poolcert-task, root (Windows: administrators) for start tasks, poolcert-remoteuser

	// Mode is that of the files, as text: "0440" (default), or "0400", "0600",
	// "0640". A folder can be listed by who may read its files. Not for Windows.
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
			if err := osuser.CheckName(name.value); name.value != "" && err != nil {
				return fmt.Errorf("%s.%s: %w", key, name.key, err)
			}
		}
		if _, err := o.mode(); err != nil {
			return fmt.Errorf("%s.mode: %w", key, err)
		}
		if o.Mode != "" && !hasUnixRights {
			return fmt.Errorf("%s.mode: files of Windows have none: name who may read in user, group and acl", key)
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
	return kind, name, osuser.CheckName(name)
}

// Resolve looks the names up. The error lists those that do not exist.
func (o *OwnerConfig) Resolve() (store.Owner, error) {
	var ids ownerIDs
	var errs []error
	find := func(list *[]osuser.ID, name string, lookup func(string) (osuser.ID, error)) {
		id, err := lookup(name)
		errs = append(errs, err)
		*list = append(*list, id)
	}
	if o.User != "" {
		find(&ids.user, o.User, osuser.User)
	}
	if o.Group != "" {
		find(&ids.group, o.Group, osuser.Group)
	}
	for _, entry := range o.ACL {
		kind, name, err := splitACL(entry)
		if err != nil {
			errs = append(errs, err)
		} else if kind == "u" {
			find(&ids.users, name, osuser.User)
		} else {
			find(&ids.groups, name, osuser.Group)
		}
	}
	owner := ids.owner()
	if o.Mode != "" {
		var err error
		owner.Mode, err = o.mode()
		errs = append(errs, err)
	}
	return owner, errors.Join(errs...)
}

// ownerIDs are the users and groups of an OwnerConfig: up to one user and one group
// whom the files belong to, and those who may read, too.
type ownerIDs struct{ user, group, users, groups []osuser.ID }

// owner returns what the store goes by: on Windows, where belonging is no matter, all
// just may read.
func (ids *ownerIDs) owner() store.Owner {
	owner := store.Owner{UID: os.Geteuid(), GID: os.Getegid()}
	if !hasUnixRights {
		owner = store.Owner{}
	}
	var users, groups []int
	var sids []sddl.SID
	add := func(ids []osuser.ID, number func(int)) {
		for _, id := range ids {
			if id.SID != "" {
				sids = append(sids, id.SID)
			} else {
				number(int(id.Number))
			}
		}
	}
	add(ids.user, func(uid int) { owner.UID = uid })
	add(ids.group, func(gid int) { owner.GID = gid })
	add(ids.users, func(uid int) { users = append(users, uid) })
	add(ids.groups, func(gid int) { groups = append(groups, gid) })
	owner.ACL, owner.SIDs = store.NewACL(users, groups), store.NewSIDs(sids...)
	return owner
}

// resolveOwners looks the configured names up. A visibility whose user or group
// does not exist is left out, with an error that says so: only certificates with
// that visibility fail then.
func (c *Config) resolveOwners() (map[batch.Visibility]store.Owner, error) {
	owners := make(map[batch.Visibility]store.Owner)
	var errs []error
	for _, v := range batch.Visibilities() {
		owner, err := c.Owners.For(v).Resolve()
		if err != nil {
			errs = append(errs, fmt.Errorf("owners.%s: %w", v, err))
			continue
		}
		owners[v] = owner
	}
	return owners, errors.Join(errs...)
}
