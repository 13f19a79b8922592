//go:build windows && winetest

package svcrun

import (
	"poolcert/internal/sddl"
	"poolcert/internal/winfile"
)

// trusted is the only account that Wine knows. Nothing else may be built with this tag.
func trusted() sddl.SID {
	own, err := winfile.Own()
	if err != nil {
		return sddl.System
	}
	return own
}
