//go:build !windows

package eventlog

// A Source is a [Log] of the system.
type Source struct{ Log }

// Open opens the source of a name.
func Open(string) (*Source, error) { return nil, ErrUnsupported }

// Close closes the source.
func (*Source) Close() error { return nil }
