package eventlog

import (
	"fmt"

	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc/eventlog"
)

// A Source is a [Log] of the system.
type Source struct{ *eventlog.Log }

// Open opens the source of a name.
func Open(name string) (*Source, error) {
	log, err := eventlog.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open the event log as %s: %w", name, err)
	}
	return &Source{log}, nil
}

// IsRegistered tells whether the event log knows the source of a name. Without, it takes
// events all the same, and shows them with a complaint.
func IsRegistered(name string) (bool, error) {
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SYSTEM\CurrentControlSet\Services\EventLog\Application\`+name, registry.QUERY_VALUE)
	if err == registry.ErrNotExist {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the event source %s: %w", name, err)
	}
	return true, key.Close()
}
