//go:build !windows

package osuser

import (
	"errors"
	"fmt"
	"math"
	"os/user"
	"strconv"
	"strings"
)

func lookupUser(name string) (ID, error) {
	if isID(name) {
		return byNumber(name)
	}
	u, err := user.Lookup(name)
	if errors.As(err, new(user.UnknownUserError)) {
		return askFor("passwd", "user", name)
	}
	if err != nil {
		return Nobody, err
	}
	return byNumber(u.Uid)
}

func lookupGroup(name string) (ID, error) {
	if isID(name) {
		return byNumber(name)
	}
	g, err := user.LookupGroup(name)
	if errors.As(err, new(user.UnknownGroupError)) {
		return askFor("group", "group", name)
	}
	if err != nil {
		return Nobody, err
	}
	return byNumber(g.Gid)
}

// askFor asks the name services for what the files do not know.
func askFor(database, kind, name string) (ID, error) {
	fields, err := system.fields(database, name)
	if err != nil {
		return Nobody, unknown(kind, name, err)
	}
	return byNumber(fields[2])
}

// unknown says that neither the files nor the name services, for a reason, know a name.
func unknown(kind, name string, err error) error {
	if errors.Is(err, errNoName) {
		return fmt.Errorf("%w %s %s", ErrUnknown, kind, name)
	}
	return fmt.Errorf("%w %s %s (%w)", ErrUnknown, kind, name, err)
}

// isID tells whether text is meant as a number: no name has digits only.
func isID(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

func byNumber(text string) (ID, error) {
	n, err := number(text)
	if err != nil {
		return Nobody, err
	}
	return ID{Number: n}, nil
}

// number reads a user's or group's number. The largest one is none: to the
// kernel it means "leave it as it is".
func number(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == math.MaxUint32 {
		return 0, fmt.Errorf("%s is no number of a user or group: they end at 4294967294", text)
	}
	return uint32(id), nil
}

func checkName(name string) error {
	if isID(name) {
		_, err := number(name)
		return err
	}
	if strings.HasPrefix(name, "-") || len(name) > 256 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == ':' || r == 0x7f }) {
		return fmt.Errorf("%q is no name of a user or group", name)
	}
	return nil
}
