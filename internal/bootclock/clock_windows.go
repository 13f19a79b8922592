package bootclock

import (
	"crypto/rand"
	"errors"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// bootKey is a volatile key of the registry: it is in memory only, and gone with the
// run of the kernel. That of Windows itself counts boots only where it also tunes them.
const (
	bootKey   = `SOFTWARE\poolcert-boot`
	bootValue = "id"
)

// system takes the count of milliseconds since the kernel started, which goes on
// while the node sleeps. Windows doesn't say whether its wall clock is right.
func system() Clock {
	c := Process()
	id, err := bootID()
	if err != nil {
		return c // an account that may not write there
	}
	c.Boot = func() (string, time.Duration) { return id, windows.DurationSinceBoot() }
	return c
}

var createKey = windows.NewLazySystemDLL("advapi32.dll").NewProc("RegCreateKeyExW")

// bootID returns a random name for this run of the kernel, the same for each process.
func bootID() (string, error) {
	name, err := windows.UTF16PtrFromString(bootKey)
	if err != nil {
		return "", err
	}
	const volatile = 1
	var handle registry.Key
	status, _, _ := createKey.Call(uintptr(registry.LOCAL_MACHINE), uintptr(unsafe.Pointer(name)), 0, 0, volatile,
		registry.QUERY_VALUE|registry.SET_VALUE, 0, uintptr(unsafe.Pointer(&handle)), 0)
	if status != 0 {
		return "", windows.Errno(status)
	}
	defer handle.Close()
	id, _, err := handle.GetStringValue(bootValue)
	if errors.Is(err, registry.ErrNotExist) || err == nil && id == "" {
		id = rand.Text()
		err = handle.SetStringValue(bootValue, id)
	}
	return id, err
}

// started is the same each time: the wall clock moves.
var started = sync.OnceValue(func() time.Time {
	return time.Now().Add(-windows.DurationSinceBoot()).Truncate(time.Second)
})
