//go:build !winetest

package svcrun

import "poolcert/internal/sddl"

// trusted is whom a program may belong to beside the administrators: nobody. What
// belongs to the person who installs it could be exchanged by whatever that person
// runs without an administrator's rights.
func trusted() sddl.SID { return sddl.System }
