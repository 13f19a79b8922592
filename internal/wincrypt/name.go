package wincrypt

import (
	"fmt"
	"strings"
)

// maxStoreName is in characters; a registry key may have 255.
const maxStoreName = 64

// ownStores are the stores of Windows itself that references may name.
var ownStores = []string{"My", "Root", "CA", "Trust", "Disallowed", "TrustedPeople", "TrustedPublisher", "AuthRoot", "AddressBook"}

// StoreName returns the name of a store as it is written, or an error for what is
// none. Others than those of Windows have letters, digits, spaces, "-", "_" and ".":
// with a backslash a name would mean a store of another computer or service.
func StoreName(name string) (string, error) {
	for _, k := range ownStores {
		if strings.EqualFold(k, name) {
			return k, nil
		}
	}
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(" -_.", r)
	})
	if name == "" || len(name) > maxStoreName || odd || strings.TrimSpace(name) != name || strings.Trim(name, ".") == "" {
		return "", fmt.Errorf("%.80q is no name of a certificate store: want one of %s, or at most %d letters, digits, \"-\", \"_\", \".\" and spaces",
			name, strings.Join(ownStores, ", "), maxStoreName)
	}
	return name, nil
}
