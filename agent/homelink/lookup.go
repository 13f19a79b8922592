package homelink

import (
	"fmt"
	"path/filepath"

	"poolcert/internal/osuser"
)

// Lookup returns the link of a user, still without its target.
func Lookup(name string) (Link, error) {
	a, err := osuser.Find(name)
	if err != nil {
		return Link{}, err
	}
	if !filepath.IsAbs(a.Home) || filepath.Clean(a.Home) == "/" {
		return Link{}, fmt.Errorf("%s has no home", name)
	}
	return Link{User: name, UID: int(a.UID), GID: int(a.GID), Home: a.Home}, nil
}
