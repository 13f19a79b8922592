//go:build !windows

package osuser

import (
	"errors"
	"fmt"
	"os/user"
)

func find(name string) (*Account, error) {
	lookup := user.Lookup
	if isID(name) {
		lookup = user.LookupId
	}
	u, err := lookup(name)
	if errors.As(err, new(user.UnknownUserError)) || errors.As(err, new(user.UnknownUserIdError)) {
		return ask(name)
	}
	if err != nil {
		return nil, err
	}
	return accountOf(u.Username, u.Uid, u.Gid, u.HomeDir)
}

// ask finds a user who is not in the files.
func ask(name string) (*Account, error) {
	fields, err := system.fields("passwd", name)
	if err == nil && len(fields) < 6 {
		err = errors.New("ask the name services: an answer without a home")
	}
	if err != nil {
		return nil, unknown("user", name, err)
	}
	return accountOf(fields[0], fields[2], fields[3], fields[5])
}

func accountOf(name, uid, gid, home string) (*Account, error) {
	a := &Account{Name: name, Home: home}
	var err, gidErr error
	a.UID, err = number(uid)
	a.GID, gidErr = number(gid)
	return a, errors.Join(err, gidErr)
}

func (a *Account) groups() ([]uint32, error) {
	texts, err := a.groupTexts()
	if err != nil {
		return nil, fmt.Errorf("groups of user %s: %w", a.Name, err)
	}
	ids := []uint32{a.GID}
	for _, text := range texts {
		id, err := number(text)
		if err != nil {
			return nil, fmt.Errorf("groups of user %s: %w", a.Name, err)
		}
		if id != a.GID {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (a *Account) groupTexts() ([]string, error) {
	u, err := user.Lookup(a.Name)
	if errors.As(err, new(user.UnknownUserError)) {
		return initgroups(a.Name)
	}
	if err != nil {
		return nil, err
	}
	return u.GroupIds()
}
