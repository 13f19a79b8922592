package osuser

import "strings"

// localPrefix is of names on Windows that are this machine's own, whatever its name is.
const localPrefix = `.\`

// qualified puts the computer in place of the prefix: the system knows accounts by that,
// and looks for such a name nowhere else.
func qualified(name, computer string) string {
	if local, ok := strings.CutPrefix(name, localPrefix); ok {
		return computer + `\` + local
	}
	return name
}
