package local

import (
	"fmt"
	"runtime"

	"poolcert/internal/localsock"
	"poolcert/internal/osuser"
	"poolcert/internal/sddl"
)

func uid(n uint32) osuser.ID { return osuser.ID{Number: n} }

// callerWith returns the n-th user of this system; the one with 0 is root.
func callerWith(n uint32) localsock.Caller {
	switch {
	case runtime.GOOS != "windows":
		return localsock.Caller{UID: n}
	case n == 0:
		return localsock.Caller{SID: sddl.System}
	}
	return localsock.Caller{SID: sddl.SID(fmt.Sprint("S-1-5-21-1-2-3-", n))}
}
