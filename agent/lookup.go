package agent

import (
	"fmt"
	"path/filepath"

	"poolcert/internal/osuser"
)

// lookupHome returns the link of a user, still without its target.
func lookupHome(name string) (homeLink, error) {
	a, err := osuser.Find(name)
	if err != nil {
		return homeLink{}, err
	}
	if !filepath.IsAbs(a.Home) || filepath.Clean(a.Home) == "/" {
		return homeLink{}, fmt.Errorf("%s has no home", name)
	}
	return homeLink{User: name, UID: int(a.UID), GID: int(a.GID), Home: a.Home}, nil
}
